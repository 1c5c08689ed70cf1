/** A request, or an event from outside, that waits until the scheduler lets it take its next step. */
export interface Gate {
  /** Who waits: a request such as `r1`, its client, or `world` for everything else. */
  readonly actor: string;
  /** The step that follows, such as `update effect`. */
  readonly step: string;
  readonly open: () => void;
}

/** Which gates the scheduler chooses from. All others open at once. */
export type Chosen = (step: string) => boolean;

/** How many turns of the event loop without a movement count as standstill. */
const STILL_TURNS = 3;

/** The gates of one schedule. */
export class Gates {
  readonly #parked: Gate[] = [];
  #movements = 0;

  constructor(readonly isChosen: Chosen = () => true) {}

  /** The gates that wait, in the order of arrival. */
  get parked(): readonly Gate[] {
    return this.#parked;
  }

  /** Waits at a gate. `undefined`: nobody chooses this step. */
  pass(actor: string, step: string): Promise<void> | undefined {
    this.move();
    if (!this.isChosen(step)) return undefined;
    return new Promise<void>(resolve => this.park(actor, step, resolve));
  }

  /** Puts a step among those that wait. If nobody chooses it, it is taken at once. */
  park(actor: string, step: string, open: () => void): void {
    this.#movements++;
    if (this.isChosen(step)) this.#parked.push({ actor, step, open });
    else open();
  }

  open(gate: Gate): void {
    const at = this.#parked.indexOf(gate);
    if (at < 0) throw new Error(`${gate.actor} does not wait at "${gate.step}"`);
    this.#parked.splice(at, 1);
    gate.open();
  }

  /** Takes back the gate of an actor that has nothing left to do. */
  withdraw(actor: string): void {
    const at = this.#parked.findIndex(gate => gate.actor === actor);
    if (at >= 0) this.#parked.splice(at, 1);
  }

  /** Notes that something happened, so that the event loop is not at a standstill. */
  move(): void {
    this.#movements++;
  }

  /** Lets the event loop turn until every request waits at a gate, is blocked by another one, or has ended. */
  async settle(): Promise<void> {
    for (let still = 0; still < STILL_TURNS; still++) {
      const before = this.#movements;
      await new Promise<void>(resolve => setImmediate(resolve));
      if (this.#movements !== before) still = -1;
    }
  }
}
