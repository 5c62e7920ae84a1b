// The port of the file system under the Raft log and the identity file. node-disk.ts implements it on real files;
// the simulation implements it in memory and loses what was not synced.

export interface OpenOptions {
  /** Creates an empty file when it is missing; its name is durable after syncDirectory(). */
  readonly create: boolean
  /**
   * Every write() is durable (as after sync()) when it resolves, in one trip to the disk instead of two. A rejected write is
   * then as final as a rejected sync(). Default false.
   */
  readonly durableWrites?: boolean
}

/** An open file. Calls on one file are made one at a time by its owner, except readSync(), which may be called at any time. */
export interface DiskFile {
  /** Writes all of `chunks` at `offsetBytes`; the caller leaves them alone until then. Not durable until sync(), see OpenOptions. */
  write(offsetBytes: number, chunks: readonly Uint8Array[]): Promise<void>
  /** Makes everything written so far durable (fdatasync). A failure is final: the caller must stop the node. */
  sync(): Promise<void>
  /** Cuts or extends (with zeros) the file to `sizeBytes`; durable after the next sync(). */
  truncate(sizeBytes: number): Promise<void>
  /** Bytes [offset, offset + length), shorter at the end of the file. Synchronous: for bounded chunks that are mostly in the page cache. */
  readSync(offsetBytes: number, lengthBytes: number): Buffer
  close(): Promise<void>
}

/**
 * A directory tree. Paths are relative to its root, with `/`; '' is the root. Errors of the operating system are passed on as
 * they are.
 */
export interface Disk {
  /** Creates the directory and its parents where missing, durably. */
  makeDirectory(path: string): Promise<void>
  /** Opens for reading and writing; rejects with ENOENT when missing and `create` is false. */
  open(path: string, options: OpenOptions): Promise<DiskFile>
  /** Whole content, or undefined when the file does not exist. */
  readFile(path: string): Promise<Buffer | undefined>
  /** Replaces the file atomically and durably: temporary file `<path>.tmp`, sync, rename, directory sync. */
  writeFileAtomic(path: string, content: Uint8Array): Promise<void>
  /** Names in the directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>
  /** Removes the file; a missing one is no error. Durable after syncDirectory(). */
  remove(path: string): Promise<void>
  /** Makes created, renamed and removed names of the directory durable. */
  syncDirectory(path: string): Promise<void>
}
