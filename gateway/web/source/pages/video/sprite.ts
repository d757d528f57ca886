/** Small pictures of a video by time, out of one: its WebVTT says which part shows which time. */
import { useEffect, useState } from "preact/hooks";
import { request } from "../../api/client";
import { fileOf } from "./names";

export interface Tile {
  begin_s: number;
  end_s: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Sprite {
  picture: string;
  tiles: readonly Tile[];
}

const TIMES = /^([\d:.]+) --> ([\d:.]+)/;
const PLACE = /#xywh=(\d+),(\d+),(\d+),(\d+)/;

function seconds(clock: string): number {
  return clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

export function tilesOf(text: string): Tile[] {
  const tiles: Tile[] = [];
  for (const cue of text.split(/\n\s*\n/)) {
    const lines = cue.trim().split("\n");
    const times = lines.map((line) => TIMES.exec(line)).find((found) => found !== null);
    const [, x, y, width, height] = PLACE.exec(lines.at(-1) ?? "")?.map(Number) ?? [];
    if (times?.[1] === undefined || times[2] === undefined) continue;
    if (x === undefined || y === undefined || width === undefined || height === undefined) continue;
    tiles.push({ begin_s: seconds(times[1]), end_s: seconds(times[2]), x, y, width, height });
  }
  return tiles;
}

export function tileAt(sprite: Sprite, time_s: number): Tile | undefined {
  return sprite.tiles.find((tile) => time_s < tile.end_s) ?? sprite.tiles.at(-1);
}

/** Null: there is none, or not yet. */
export function useSprite(video: string): Sprite | null {
  const [found, setFound] = useState<Sprite | null>(null);
  const picture = usePicture(fileOf(video, "sprite.jpg"));
  useEffect(() => {
    const leaving = new AbortController();
    setFound(null);
    request(fileOf(video, "sprite.vtt"), { signal: leaving.signal, headers: { Accept: "text/vtt" } })
      .then((response) => response.text())
      .then((text) => setFound({ picture: "", tiles: tilesOf(text) }))
      .catch(() => undefined);
    return () => leaving.abort();
  }, [video]);
  return found === null || picture === "" ? null : { ...found, picture };
}

/** What an image may show: requests of images carry no key, so that it is fetched. Empty: not yet,
 * or there is none. */
export function usePicture(path: string): string {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const leaving = new AbortController();
    let made = "";
    setAddress("");
    request(path, { signal: leaving.signal, headers: { Accept: "image/*" } })
      .then((response) => response.blob())
      .then((blob) => {
        if (leaving.signal.aborted) return;
        made = URL.createObjectURL(blob);
        setAddress(made);
      })
      .catch(() => undefined);
    return () => {
      leaving.abort();
      if (made !== "") URL.revokeObjectURL(made);
    };
  }, [path]);
  return address;
}
