import type { SessionInfo } from 'nestjs-http-session';
import { people } from '../people.js';
import { html, type Html } from './html.js';
import { fromNow } from './time-text.js';

export function signInPage(): Html {
  return html`<h1>Sign in</h1>
    <form class="card narrow" method="post" action="/sign-in">
      <fieldset>
        <legend>Who are you?</legend>
        ${people.map(
          ({ id, name }, index) =>
            html`<label class="choice">
              <input type="radio" name="person" value="${id}" required ${index === 0 ? html`checked` : ''} />
              ${name}
            </label>`,
        )}
      </fieldset>
      <label class="field">
        Password
        <input type="password" name="password" required autocomplete="off" placeholder="any password" />
      </label>
      <button>Sign in</button>
    </form>`;
}

export function devicesPage(devices: readonly SessionInfo[], currentId: string | undefined): Html {
  return html`<h1>Where you are signed in</h1>
    <ul class="rows">
      ${devices.map(device => deviceRow(device, device.id === currentId))}
    </ul>
    ${
      devices.length > 1
        ? html`<form class="total" method="post" action="/devices/sign-out-elsewhere">
            <span>Lost a phone?</span>
            <button>Sign out everywhere else</button>
          </form>`
        : html`<p class="hint">
            Open the shop in a private window, or on your phone, and sign in as the same person: it appears
            here.
          </p>`
    }`;
}

function deviceRow({ id, loggedInAt, lastSeenAt }: SessionInfo, isCurrent: boolean): Html {
  return html`<li class="row">
    <span class="grow">
      ${isCurrent ? html`<span class="badge">This device</span>` : html`<span>Another place</span>`}
      <code>${id.slice(0, 8)}</code><br />
      <small>Signed in ${loggedInAt ? fromNow(loggedInAt) : 'once'}, last used ${fromNow(lastSeenAt)}</small>
    </span>
    ${
      isCurrent
        ? ''
        : html`<form method="post" action="/devices/sign-out">
            <button class="quiet" name="id" value="${id}">Sign out there</button>
          </form>`
    }
  </li>`;
}
