import { Browser, type Answer } from '../support/browser.js';

interface Form {
  readonly action: string;
  readonly fields: URLSearchParams;
}

/** Somebody who reads pages and presses buttons: forms are sent as they stand in the page, and redirects are followed. */
export class Visitor extends Browser {
  page = '';

  async open(path: string): Promise<Answer> {
    const answer = await this.get(path);
    const location = answer.headers.get('location');
    if (answer.status === 303 && location !== null) return this.open(location);
    this.page = answer.text;
    return answer;
  }

  /** Presses the n-th button with this label or text, after filling in what the form leaves open. */
  async press(button: string, filledIn: Record<string, string> = {}, nth = 0): Promise<Answer> {
    const form = this.#formsOf(button)[nth];
    if (!form) throw new Error(`there is no button "${button}" in: ${this.page}`);
    for (const [name, value] of Object.entries(filledIn)) form.fields.set(name, value);
    const answer = await this.post(form.action, form.fields);
    const location = answer.headers.get('location');
    if (answer.status !== 303 || location === null) return answer;
    await this.open(location);
    return answer;
  }

  /** The text of the page as it is seen. */
  get text(): string {
    return this.page
      .replace(/<style>[\s\S]*?<\/style>|<title>[\s\S]*?<\/title>/g, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
      .replace(/\s+/g, ' ')
      .trim();
  }

  #formsOf(label: string): Form[] {
    const forms = this.page.matchAll(/<form[^>]*method="post"[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g);
    return [...forms].flatMap(([, action = '', content = '']) => {
      const buttons = [...content.matchAll(/<button([^>]*)>([\s\S]*?)<\/button>/g)];
      return buttons
        .filter(
          ([, attributes = '', text = '']) =>
            text.trim() === label || attributeOf(attributes, 'aria-label') === label,
        )
        .map(([, attributes = '']) => ({ action, fields: fieldsOf(content, attributes) }));
    });
  }
}

function fieldsOf(content: string, button: string): URLSearchParams {
  const fields = new URLSearchParams();
  const inputs = [...content.matchAll(/<input([^>]*)>/g)].map(([, attributes = '']) => attributes);
  for (const attributes of [...inputs, button]) {
    const name = attributeOf(attributes, 'name');
    if (name === undefined) continue;
    if (attributeOf(attributes, 'type') === 'radio' && !/\schecked\b/.test(attributes)) continue;
    fields.append(name, attributeOf(attributes, 'value') ?? '');
  }
  return fields;
}

function attributeOf(attributes: string, name: string): string | undefined {
  return new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
}
