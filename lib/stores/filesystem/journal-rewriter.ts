import { fdatasyncSync, ftruncateSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  appendWhole,
  useAndClose,
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
import { EMPTY_HEAD, type JournalReader, sealEntry } from './journal-reader.js';

/**
 * Replaces a long journal by a short one, while other processes append to it.
 *
 * 1. Write the short journal to a temporary file.
 * 2. Append a SEAL entry with the name of that file to the long journal. Entries after the first SEAL have no effect.
 * 3. Rename the temporary file over the journal.
 *
 * A process that finds a SEAL does not wait for the process that wrote it, which may be dead. It appends a SEAL of
 * its own and removes the temporary files of the earlier SEALs, so that their renames fail. If none of those renames
 * has happened before, it does its own. So exactly one process renames, and its file contains every entry that had an
 * effect.
 */
export class JournalRewriter<State> {
  constructor(
    readonly reader: JournalReader<State>,
    readonly isDurable: boolean,
  ) {}

  /** Afterwards the path leads to another journal, or there was nothing to keep. The caller has to open it again. */
  rewrite(fd: number, path: string, seed: number): void {
    const folder = dirname(path);
    const name = temporaryNameFor(basename(path));
    const temporary = `${folder}/${name}`;
    useAndClose(openNew(temporary), target => {
      try {
        // Written before the SEAL: if the disk is full, this fails while other processes can still append.
        const prepared = this.#content(fd, seed);
        if (prepared === undefined) return;
        this.#write(target, prepared.bytes);
        appendWhole(fd, frameOf(sealEntry(name), seed));
        if (this.isDurable) fdatasyncSync(fd);

        const final = this.#content(fd, seed);
        if (final === undefined) return;
        removeSealed(folder, final.seals.slice(0, final.seals.indexOf(name)));
        // No earlier rename can happen any more. If one has happened, the path leads to another file.
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
      if (codeOf(error) === 'ENOENT') return; // a process with a later SEAL has removed it
      throw error;
    }
    if (this.isDurable) syncDirectory(dirname(path));
  }
}

/** Removes the temporary files that SEALs name, so that they cannot be renamed over the journal any more. */
export function removeSealed(folder: string, names: readonly string[]): void {
  for (const name of names) {
    if (targetOfTemporary(name) !== undefined) removeFile(`${folder}/${name}`);
  }
}
