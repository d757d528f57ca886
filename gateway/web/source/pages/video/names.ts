/** Names and addresses: who one is here, which video an upload becomes, where its files are. */
import { signal } from "@preact/signals";
import { keep, kept } from "../../api/kept";

const NAME = /^[\x21-\x7e]{1,200}$/;
const KEPT = "video.channel";

/** The channel that is shown, and that uploads go to. */
export const channel = signal(kept(KEPT) || "me");

export function isName(text: string): boolean {
  return NAME.test(text) && text !== "." && text !== "..";
}

export function setChannel(name: string): void {
  channel.value = name;
  keep(KEPT, name);
}

/** Where uploads of an owner are created. */
export function endpointOf(owner: string): string {
  return `/api/media/uploads/files/${encodeURIComponent(owner)}`;
}

export interface UploadName {
  owner: string;
  upload: string;
  number: number;
}

/** Of an upload's URL; null where it is none. */
export function uploadOf(url: string): UploadName | null {
  const [owner, upload, place] = url.split("/").slice(-3).map(decodeURIComponent);
  const number = Number.parseInt(place ?? "", 10);
  return owner === undefined || upload === undefined || Number.isNaN(number) ? null : { owner, upload, number };
}

/** The video that an upload becomes. */
export function videoOf({ owner, upload, number }: UploadName): string {
  return `${owner}/${upload}/${number}`;
}

/** A file of what is served of a video now. */
export function fileOf(video: string, path: string): string {
  return `/api/media/video/files/${encodeURIComponent(video)}/${path}`;
}

/** 3:07, 1:02:03; of 19.99 s, which is how long films are, 0:20. */
export function length(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  const rest = `${String(Math.floor(whole / 60) % 60)}:${String(whole % 60).padStart(2, "0")}`;
  return whole < 3600 ? rest : `${Math.floor(whole / 3600)}:${rest.padStart(5, "0")}`;
}
