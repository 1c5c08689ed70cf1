import { Injectable } from '@nestjs/common';
import { Sessions, type Session } from 'nestjs-http-session';
import { findPerson, type Person } from '../people.js';
import { countItems, type ShopSession } from '../shop-session.js';
import { html, type Html } from './html.js';
import { styles } from './styles.js';
import { fromNow } from './time-text.js';

/** The frame of every page: the navigation, and the flash messages. */
@Injectable()
export class Layout {
  constructor(private readonly sessions: Sessions) {}

  async render(title: string, content: Html): Promise<string> {
    const session = await this.sessions.current<ShopSession>();
    const messages = await session.flashes(); // each is returned once
    const page = html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>${title} · The Corner Shop</title>
          <link rel="icon" href="data:," />
          <style>
            ${styles}
          </style>
        </head>
        <body>
          ${header(countItems(session.cart ?? {}), findPerson(session.loggedInAs))}
          <main>
            ${messages.map(
              ({ category, message }) =>
                html`<p class="message ${category}" role="status">${String(message)}</p>`,
            )}
            ${content}
          </main>
          ${footer(session)}
        </body>
      </html>`;
    return page.markup;
  }
}

function header(items: number, person: Person | undefined): Html {
  return html`<header>
    <nav>
      <a class="brand" href="/">The Corner Shop</a>
      <a href="/cart">Cart <span class="count">${items}</span></a>
      ${
        person
          ? html`<a href="/devices">${person.name}’s devices</a>
              <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>`
          : html`<a href="/sign-in">Sign in</a>`
      }
    </nav>
  </header>`;
}

function footer({ id, expiresAt }: Session<ShopSession>): Html {
  const about =
    id === undefined || expiresAt === undefined
      ? html`You are new here: a session begins with this page.`
      : html`Session <code>${id.slice(0, 8)}</code>, ends ${fromNow(expiresAt)} unless you come back. Restart
          the server: it is still here.`;
  return html`<footer>${about} Answered by process ${process.pid}.</footer>`;
}
