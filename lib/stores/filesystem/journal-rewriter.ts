import { fdatasyncSync, ftruncateSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  appendWhole,
  closing,
  isStillAt,
  openNew,
  removeFile,
  syncDirectory,
  targetOfTemporary,
  temporaryNameFor,
  writeWhole,
} from './file-access.js';
import { codeOf } from './faults.js';
import { frameOf } from './frame.js';
import { EMPTY_HEAD } from './journal-head.js';
import { sealEntry, type JournalReader } from './journal-reader.js';

/**
 * Puts a short journal in the place of a long one, while others append to it.
 *
 * A SEAL entry names the file that will take its place, and nothing after the first SEAL counts; then that file is
 * renamed over the journal. Whoever finds a SEAL does not wait for the one who set it, who may be dead: it sets its own,
 * removes the files that earlier SEALs named, so that those renames fail, checks that none of them has happened, and
 * finishes. So of all who try one renames, and what it renames holds everything that counted.
 */
export class JournalRewriter<State> {
  constructor(
    readonly reader: JournalReader<State>,
    readonly isDurable: boolean,
  ) {}

  /** After this the journal of that name is another one, or there is nothing in it to keep: look again. */
  rewrite(fd: number, path: string, seed: number): void {
    const folder = dirname(path);
    const name = temporaryNameFor(basename(path));
    const temporary = `${folder}/${name}`;
    closing(openNew(temporary), target => {
      try {
        // Written before the SEAL, so that a full disk is found out while others can still append.
        const prepared = this.#content(fd, seed);
        if (prepared === undefined) return;
        this.#write(target, prepared.bytes);
        appendWhole(fd, frameOf(sealEntry(name), seed));
        if (this.isDurable) fdatasyncSync(fd);

        const final = this.#content(fd, seed);
        if (final === undefined) return;
        removeSealed(folder, final.seals.slice(0, final.seals.indexOf(name)));
        // From here on no earlier rename can happen. Had one happened, the journal would not have its name any more.
        if (!isStillAt(path, fd)) return;
        if (!final.bytes.equals(prepared.bytes)) this.#write(target, final.bytes);
        this.#replace(temporary, path);
      } finally {
        removeFile(temporary);
      }
    });
  }

  #content(
    fd: number,
    seed: number,
  ): { readonly bytes: Buffer; readonly seals: readonly string[] } | undefined {
    const reading = this.reader.read(fd, seed);
    const entry = reading === 'broken' ? undefined : this.reader.replay.snapshot(reading.state);
    if (reading === 'broken' || entry === undefined) return undefined;
    return { bytes: Buffer.concat([EMPTY_HEAD, frameOf(entry, seed)]), seals: reading.seals };
  }

  #write(target: number, bytes: Buffer): void {
    ftruncateSync(target, 0);
    writeWhole(target, bytes);
    if (this.isDurable) fdatasyncSync(target);
  }

  #replace(temporary: string, path: string): void {
    try {
      renameSync(temporary, path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return; // a later SEAL's owner took over
      throw error;
    }
    if (this.isDurable) syncDirectory(dirname(path));
  }
}

/** Removes the files that SEALs named, so that they cannot take the journal's place any more. */
export function removeSealed(folder: string, names: readonly string[]): void {
  for (const name of names) {
    if (targetOfTemporary(name) !== undefined) removeFile(`${folder}/${name}`);
  }
}
