import { Html } from './html.js';

export const styles = new Html(`
  :root {
    color-scheme: light dark;
    --page: light-dark(#faf7f2, #191613);
    --card: light-dark(#fff, #24201c);
    --line: light-dark(#e6dfd5, #3a342e);
    --text: light-dark(#2b2520, #ece5dc);
    --faint: light-dark(#756a5e, #a59a8d);
    --brand: light-dark(#a3431f, #f0a67f);
    --on-brand: light-dark(#fff, #2b1509);
    --good: light-dark(#e4f1e4, #1e3322);
    --bad: light-dark(#fbe7dc, #43261a);
  }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--page);
    color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
  header { background: var(--card); border-bottom: 1px solid var(--line); }
  nav, main, footer { width: 100%; max-width: 56rem; margin: 0 auto; padding: 0 1rem; }
  nav { display: flex; align-items: center; gap: .5rem 1.25rem; min-height: 3.75rem; flex-wrap: wrap; }
  nav a { color: inherit; text-decoration: none; }
  nav a:hover { color: var(--brand); }
  .brand { font-weight: 700; margin-right: auto; }
  .count, .badge { background: var(--brand); color: var(--on-brand); border-radius: 1rem; padding: .1rem .55rem;
    font-size: .8rem; font-weight: 600; }
  main { flex: 1; padding-top: 1.5rem; padding-bottom: 2rem; }
  h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; }
  h2 { font-size: 1.05rem; margin: 0; }
  a { color: var(--brand); }
  small, footer, .hint, .card p { color: var(--faint); font-size: .875rem; }
  code { font-size: .85em; color: var(--faint); }
  .hero h1 { margin-bottom: .25rem; }
  .hero p { margin: 0 0 1.5rem; }
  .message { margin: 0 0 .5rem; padding: .7rem 1rem; border-radius: .5rem; background: var(--good); }
  .message + h1, .message + .hero { margin-top: 1.5rem; }
  .message.bad { background: var(--bad); }
  ul { list-style: none; margin: 0; padding: 0; }
  .products { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
  .card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem; }
  .card p { margin: .15rem 0 1rem; }
  .card .picture { display: block; font-size: 2.75rem; line-height: 1.3; margin-bottom: .5rem; }
  .card form, .total { display: flex; justify-content: space-between; align-items: center; gap: 1rem; }
  .rows { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
  .row { display: flex; align-items: center; gap: .75rem 1rem; padding: .85rem 1.25rem; }
  .row + .row { border-top: 1px solid var(--line); }
  .row .picture { font-size: 1.75rem; line-height: 1; }
  .grow { flex: 1; min-width: 0; }
  .quantity { display: flex; align-items: center; gap: .5rem; }
  .quantity output { min-width: 1.5rem; text-align: center; }
  .sum { min-width: 4rem; text-align: right; }
  .total { padding: 1rem 1.25rem; }
  form.narrow { display: block; max-width: 22rem; }
  fieldset { border: 0; margin: 0 0 1rem; padding: 0; }
  legend { padding: 0; font-weight: 600; margin-bottom: .25rem; }
  .choice { display: block; padding: .4rem 0; }
  .choice input { accent-color: var(--brand); margin: 0 .5rem 0 0; }
  .field { display: block; font-weight: 600; margin-bottom: 1.25rem; }
  .field input { display: block; width: 100%; margin-top: .25rem; padding: .6rem .75rem; font: inherit; font-weight: 400;
    color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: .5rem; }
  button { font: inherit; font-weight: 600; color: var(--on-brand); background: var(--brand); border: 1px solid transparent;
    border-radius: .5rem; padding: .45rem 1rem; cursor: pointer; }
  button:hover { filter: brightness(1.1); }
  button.quiet { color: inherit; background: none; border-color: var(--line); padding: .3rem .75rem; font-weight: 400; }
  .narrow button { width: 100%; }
  :focus-visible { outline: 2px solid var(--brand); outline-offset: 2px; }
  footer { padding-top: 1rem; padding-bottom: 1.5rem; }
  @media (max-width: 30rem) {
    .brand { flex-basis: 100%; margin-top: .75rem; }
    nav { padding-bottom: .75rem; justify-content: space-between; }
    .sum { display: none; }
    .products { gap: .75rem; }
    .products .card { display: flex; align-items: center; gap: 1rem; padding: .75rem 1rem; }
    .products .card p { margin-bottom: 0; }
    .products .picture { font-size: 2rem; margin: 0; }
    .products form { flex-direction: column; gap: .25rem; }
    .row, .total { padding-left: 1rem; padding-right: 1rem; }
  }
`);
