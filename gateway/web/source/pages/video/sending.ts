/** Uploads that this page sends, by tus: each can be paused, survives breaks, and, where the same
 * file is chosen again after the page was closed, goes on where it stood. */
import { signal, type Signal } from "@preact/signals";
import { type DetailedError, type PreviousUpload, Upload } from "tus-js-client";
import { authorization } from "../../api/key";
import { endpointOf, uploadOf, type UploadName } from "./names";

export type SendingState = "sending" | "paused" | "failed" | "sent";

export interface Sending {
  key: number;
  owner: string;
  name: string;
  size: number;
  state: SendingState;
  /** Bytes: `accepted` are durable, `sent` are on their way beyond that. */
  sent: number;
  /** It was begun by an earlier page. */
  resumed: boolean;
  problem: string;
  /** Once the server has named it. */
  upload: UploadName | null;
}

/** Bytes of one request: what is lost at most where a server is killed. */
const CHUNK_BYTES = 8 << 20;
const RETRY_AFTER_MS = [0, 500, 1000, 2000, 4000, 8000, 15_000];

export const sendings: Signal<readonly Sending[]> = signal([]);

const uploads = new Map<number, Upload>();
let count = 0;

function change(key: number, changes: Partial<Sending>): void {
  sendings.value = sendings.value.map((each) => (each.key === key ? { ...each, ...changes } : each));
}

/** Why a file cannot be sent; empty: it can. */
export function wrongWith(file: File): string {
  if (!file.type.startsWith("video/")) return `${file.name} is no video.`;
  return file.size === 0 ? `${file.name} is empty.` : "";
}

/** Begin, or go on with what an earlier page began of the same file. */
export async function begin(owner: string, file: File): Promise<void> {
  const key = ++count;
  const made = new Upload(file, {
    endpoint: endpointOf(owner),
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_AFTER_MS,
    removeFingerprintOnSuccess: true,
    metadata: { filename: file.name, filetype: file.type, title: titleOf(file.name) },
    onBeforeRequest: (request) => {
      for (const [name, value] of Object.entries(authorization())) request.setHeader(name, value);
    },
    onUploadUrlAvailable: () => change(key, { upload: uploadOf(made.url ?? "") }),
    onProgress: (sent) => change(key, { sent }),
    onError: (error) => change(key, { state: "failed", problem: reasonOf(error) }),
    onSuccess: () => change(key, { state: "sent", sent: file.size, upload: uploadOf(made.url ?? "") }),
  });
  uploads.set(key, made);
  const empty = { sent: 0, resumed: false, problem: "", upload: null };
  sendings.value = [{ key, owner, name: file.name, size: file.size, state: "sending", ...empty }, ...sendings.value];
  const [previous] = latestFirst(await made.findPreviousUploads());
  if (previous !== undefined) {
    made.resumeFromPreviousUpload(previous);
    change(key, { resumed: true });
  }
  made.start();
}

function latestFirst(found: PreviousUpload[]): PreviousUpload[] {
  return found.toSorted((one, other) => Date.parse(other.creationTime) - Date.parse(one.creationTime));
}

function titleOf(name: string): string {
  return name.replace(/\.[^.]+$/, "").replaceAll("_", " ");
}

function reasonOf(error: Error | DetailedError): string {
  const body = "originalResponse" in error ? error.originalResponse?.getBody() : undefined;
  try {
    const told = JSON.parse(body ?? "") as { detail?: string; title?: string };
    return told.detail ?? told.title ?? error.message;
  } catch {
    return "originalResponse" in error && error.originalResponse === null ? "The server does not answer." : error.message;
  }
}

export async function pause(key: number): Promise<void> {
  await uploads.get(key)?.abort();
  change(key, { state: "paused" });
}

export function resume(key: number): void {
  change(key, { state: "sending", problem: "" });
  uploads.get(key)?.start();
}

/** Give it up: the server forgets what it has of it. */
export async function cancel(key: number): Promise<void> {
  try {
    await uploads.get(key)?.abort(true);
  } catch {
    // It expires by itself.
  }
  forget(key);
}

export function forget(key: number): void {
  uploads.delete(key);
  sendings.value = sendings.value.filter((each) => each.key !== key);
}
