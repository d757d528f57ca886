/** A video element fed by hls.js, or by the browser itself where it plays HLS. */
import type Hls from "hls.js";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { authorization } from "../../api/key";
import { fileOf } from "./names";

const AUTO = -1;
const FIRST_BITS_PER_S = 4_000_000;
const HLS = "application/vnd.apple.mpegurl";

export interface Level {
  index: number;
  /** 720p, or by its bandwidth where there are two of a height. */
  name: string;
}

export interface Playing {
  levels: readonly Level[];
  /** The level that was chosen; -1: by the bandwidth. */
  chosen: number;
  /** The level that is seen now. */
  shown: number;
  problem: string;
  choose: (index: number) => void;
}

/** Plays `video` in the element, from its beginning, as long as the component is there. */
export function usePlaying(element: RefObject<HTMLVideoElement | null>, video: string): Playing {
  const player = useRef<Hls | null>(null);
  const [levels, setLevels] = useState<readonly Level[]>([]);
  const [chosen, setChosen] = useState(AUTO);
  const [shown, setShown] = useState(AUTO);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    const place = element.current;
    if (place === null) return undefined;
    const address = fileOf(video, "main.m3u8");
    let ended = false;
    setLevels([]);
    setChosen(AUTO);
    setShown(AUTO);
    setProblem("");
    void import("hls.js").then(({ default: Player }) => {
      if (ended) return;
      if (!Player.isSupported()) {
        if (place.canPlayType(HLS) === "") setProblem("This browser plays no HLS.");
        else place.src = address;
        return;
      }
      const made = new Player({
        capLevelToPlayerSize: true,
        abrEwmaDefaultEstimate: FIRST_BITS_PER_S,
        xhrSetup: (request) => {
          for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
        },
      });
      player.current = made;
      made.on(Player.Events.MANIFEST_PARSED, () => setLevels(levelsOf(made)));
      made.on(Player.Events.LEVEL_SWITCHED, (_, { level }) => setShown(level));
      made.on(Player.Events.ERROR, (_, error) => {
        if (!error.fatal) return;
        if (error.type === Player.ErrorTypes.MEDIA_ERROR) made.recoverMediaError();
        else setProblem(error.response?.code === 404 ? "It is not to be seen any more." : "It cannot be loaded now.");
      });
      made.loadSource(address);
      made.attachMedia(place);
    });
    return () => {
      ended = true;
      player.current?.destroy();
      player.current = null;
      place.removeAttribute("src");
      place.load();
    };
  }, [video]);

  function choose(index: number): void {
    const made = player.current;
    if (made === null) return;
    // At once, and not only behind what is loaded: who chooses wants to see it.
    made.currentLevel = index;
    setChosen(index);
  }
  return { levels, chosen, shown, problem, choose };
}

function levelsOf(made: Hls): Level[] {
  const heights = made.levels.map((level) => Math.min(level.width, level.height));
  return made.levels
    .map((level, index) => {
      const height = heights[index] ?? 0;
      const unique = heights.filter((each) => each === height).length === 1;
      return { index, height, name: unique ? `${height}p` : `${height}p, ${Math.round(level.bitrate / 1000)} kbit/s` };
    })
    .sort((one, other) => other.height - one.height);
}
