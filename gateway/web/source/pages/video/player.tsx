/** The player: the picture, its controls, and its keys. */
import { useEffect, useRef, useState } from "preact/hooks";
import { send } from "../../api/client";
import { keep, kept } from "../../api/kept";
import { Note } from "../../parts/panel";
import { KEYS, keyOf, toggle } from "./keys";
import { fileOf, length } from "./names";
import { type Playing, usePlaying } from "./playing";
import { SeekBar } from "./seek_bar";
import { usePicture, useSprite } from "./sprite";

const SPEEDS = [0.5, 1, 1.25, 1.5, 2];

interface Clock {
  time_s: number;
  duration_s: number;
  loaded_s: number;
  paused: boolean;
  muted: boolean;
  volume: number;
  rate: number;
}
const STILL: Clock = { time_s: 0, duration_s: 0, loaded_s: 0, paused: true, muted: false, volume: 1, rate: 1 };
const EVENTS = [
  "timeupdate", "durationchange", "progress", "play", "pause", "volumechange", "ratechange", "seeked", "emptied",
] as const;

function clockOf(element: HTMLVideoElement): Clock {
  const { buffered, currentTime } = element;
  let loaded_s = 0;
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= currentTime + 0.5) loaded_s = Math.max(loaded_s, buffered.end(index));
  }
  return {
    time_s: currentTime,
    duration_s: Number.isFinite(element.duration) ? element.duration : 0,
    loaded_s,
    paused: element.paused,
    muted: element.muted,
    volume: element.volume,
    rate: element.playbackRate,
  };
}

export function Player({ video, title, onKeys }: { video: string; title: string; onKeys: () => void }) {
  const frame = useRef<HTMLDivElement>(null);
  const element = useRef<HTMLVideoElement>(null);
  const playing = usePlaying(element, video);
  const [clock, setClock] = useState(STILL);
  const poster = usePicture(fileOf(video, "poster-1.jpg"));
  const sprite = useSprite(video);

  useEffect(() => {
    const place = element.current;
    if (place === null) return undefined;
    const look = (): void => setClock(clockOf(place));
    for (const name of EVENTS) place.addEventListener(name, look);
    const seen = (): void => void view(video);
    place.addEventListener("playing", seen, { once: true });
    return () => {
      for (const name of EVENTS) place.removeEventListener(name, look);
      place.removeEventListener("playing", seen);
    };
  }, [video]);

  useEffect(() => {
    function press(event: KeyboardEvent): void {
      const place = element.current;
      const act = place === null ? undefined : keyOf(event);
      if (place === null || frame.current === null || act === undefined) return;
      event.preventDefault();
      if (act === "?") onKeys();
      else KEYS[act].act(place, frame.current);
    }
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [onKeys]);

  useEffect(() => frame.current?.focus({ preventScroll: true }), [video]);

  const playOrPause = (): void => {
    if (element.current !== null) toggle(element.current);
  };
  return (
    <div ref={frame} class="player" tabIndex={-1} role="region" aria-label={`Player: ${title}`} data-paused={clock.paused || undefined}>
      {/* What is uploaded has no captions. */}
      <video ref={element} playsInline aria-label={title} poster={poster === "" ? undefined : poster} onClick={playOrPause} />
      {playing.problem !== "" && (
        <div class="player-problem">
          <Note tone="danger">{playing.problem}</Note>
        </div>
      )}
      <div class="player-controls">
        <SeekBar
          time_s={clock.time_s}
          duration_s={clock.duration_s}
          loaded_s={clock.loaded_s}
          sprite={sprite}
          onSeek={(time_s) => {
            if (element.current !== null) element.current.currentTime = time_s;
          }}
        />
        <div class="player-buttons">
          <button type="button" aria-label={clock.paused ? "Play" : "Pause"} title="Space" onClick={playOrPause}>
            <Icon name={clock.paused ? "play" : "pause"} />
          </button>
          <Volume clock={clock} element={() => element.current} />
          <span class="player-time">
            {length(clock.time_s)} / {length(clock.duration_s)}
          </span>
          <span class="end" />
          <Quality playing={playing} />
          <label class="player-choice player-speed">
            <span class="hidden">Speed</span>
            <select
              value={String(clock.rate)}
              onChange={(event) => {
                if (element.current !== null) element.current.playbackRate = Number(event.currentTarget.value);
              }}
            >
              {[...new Set([...SPEEDS, clock.rate])].map((rate) => (
                <option key={rate} value={String(rate)}>
                  {rate}×
                </option>
              ))}
            </select>
          </label>
          <button type="button" class="player-keys" aria-label="Keys of the player" title="?" onClick={onKeys}>
            <Icon name="keys" />
          </button>
          <button
            type="button"
            aria-label="Full screen"
            title="F"
            onClick={() => element.current !== null && frame.current !== null && KEYS.f.act(element.current, frame.current)}
          >
            <Icon name="full" />
          </button>
        </div>
      </div>
    </div>
  );
}

function Quality({ playing }: { playing: Playing }) {
  const { levels, chosen, shown, choose } = playing;
  if (levels.length === 0) return null;
  const seen = levels.find((level) => level.index === shown)?.name;
  return (
    <label class="player-choice">
      <span class="hidden">Quality</span>
      <select value={String(chosen)} data-shown={seen} onChange={(event) => choose(Number(event.currentTarget.value))}>
        <option value="-1">Auto{chosen === -1 && seen !== undefined ? ` (${seen})` : ""}</option>
        {levels.map((level) => (
          <option key={level.index} value={String(level.index)}>
            {level.name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Volume({ clock, element }: { clock: Clock; element: () => HTMLVideoElement | null }) {
  const silent = clock.muted || clock.volume === 0;
  return (
    <>
      <button
        type="button"
        aria-label={silent ? "Sound on" : "Sound off"}
        title="M"
        onClick={() => {
          const place = element();
          if (place !== null) place.muted = !place.muted;
        }}
      >
        <Icon name={silent ? "silent" : "sound"} />
      </button>
      <input
        class="player-volume"
        type="range"
        aria-label="Volume"
        min={0}
        max={1}
        step={0.05}
        value={silent ? 0 : clock.volume}
        onInput={(event) => {
          const place = element();
          if (place === null) return;
          place.muted = false;
          place.volume = Number(event.currentTarget.value);
        }}
      />
    </>
  );
}

const SHAPES = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4v15H6zM14 4.5h4v15h-4z",
  sound: "M4 9v6h4l5 4V5L8 9zM15.5 8.5a5 5 0 0 1 0 7l1.2 1.2a6.7 6.7 0 0 0 0-9.4z",
  silent: "M4 9v6h4l5 4V5L8 9zM16 9.4l2.6 2.6L16 14.6l1.1 1.1 2.6-2.6 2.6 2.6 1.1-1.1-2.6-2.6 2.6-2.6-1.1-1.1-2.6 2.6-2.6-2.6z",
  full: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  keys: "M3 6h18v12H3zM5 8v2h2V8zm4 0v2h2V8zm4 0v2h2V8zm4 0v2h2V8zM7 14v2h10v-2z",
} as const;

function Icon({ name }: { name: keyof typeof SHAPES }) {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d={SHAPES[name]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}

/** Told once a player: the rules count a session once a day. */
async function view(video: string): Promise<void> {
  try {
    await send("/api/media/video/commands/view_video", { video, session: session() });
  } catch {
    // A view that is not counted is no reason to disturb who watches.
  }
}

const SESSION = "video.session";

function session(): string {
  const known = kept(SESSION, "sessionStorage");
  if (known !== "") return known;
  const made = crypto.randomUUID();
  keep(SESSION, made, "sessionStorage");
  return made;
}
