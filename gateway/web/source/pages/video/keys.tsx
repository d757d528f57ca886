/** The keys of the player, and what they do. */
import { Dialog } from "../../parts/panel";

interface Key {
  shown: string;
  about: string;
  act: (element: HTMLVideoElement, frame: HTMLElement) => void;
}

function by(seconds: number): Key["act"] {
  return (element) => {
    const end = Number.isFinite(element.duration) ? element.duration : 0;
    element.currentTime = Math.min(Math.max(element.currentTime + seconds, 0), end);
  };
}

function louder(step: number): Key["act"] {
  return (element) => {
    element.muted = false;
    element.volume = Math.min(Math.max(element.volume + step, 0), 1);
  };
}

/** Play or pause. What is loaded anew meanwhile interrupts a beginning, which is no mistake. */
export function toggle(element: HTMLVideoElement): void {
  if (element.paused) element.play().catch(() => undefined);
  else element.pause();
}

export const KEYS = {
  " ": {
    shown: "Space",
    about: "play, pause",
    act: toggle,
  },
  k: {
    shown: "K",
    about: "the same",
    act: toggle,
  },
  ArrowLeft: { shown: "←", about: "5 seconds back", act: by(-5) },
  ArrowRight: { shown: "→", about: "5 seconds on", act: by(5) },
  j: { shown: "J", about: "10 seconds back", act: by(-10) },
  l: { shown: "L", about: "10 seconds on", act: by(10) },
  ArrowUp: { shown: "↑", about: "louder", act: louder(0.1) },
  ArrowDown: { shown: "↓", about: "quieter", act: louder(-0.1) },
  m: {
    shown: "M",
    about: "sound off, on",
    act: (element) => {
      element.muted = !element.muted;
    },
  },
  f: {
    shown: "F",
    about: "full screen",
    act: (_, frame) => void (document.fullscreenElement === null ? frame.requestFullscreen() : document.exitFullscreen()),
  },
} as const satisfies Record<string, Key>;

type KeyName = keyof typeof KEYS;

/** The key that an event means; undefined where somebody writes, or chooses. */
export function keyOf(event: KeyboardEvent): KeyName | "?" | undefined {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return undefined;
  if (target.closest("dialog[open], select, textarea, .player-volume, input:not([type=range])") !== null) return undefined;
  if (event.key === " " && target.closest("button, a, summary") !== null) return undefined;
  const isVertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  if (isVertical && target.closest(".player") === null) return undefined; // the page scrolls
  if (event.key === "?") return "?";
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return name in KEYS ? (name as KeyName) : undefined;
}

export function KeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keys of the player" open={open} onClose={onClose}>
      <dl class="video-keys">
        {Object.values(KEYS).map(({ shown, about }) => (
          <div key={shown}>
            <dt>
              <kbd>{shown}</kbd>
            </dt>
            <dd>{about}</dd>
          </div>
        ))}
      </dl>
      <p class="muted small">↑ and ↓ while the focus is in the player.</p>
    </Dialog>
  );
}
