/** Buttons and keys that move along a history; the speed; a place or a text to go to. */
import { useEffect, useState } from "preact/hooks";
import { whole } from "../../parts/format";
import { Badge } from "../../parts/panel";
import { moment as momentText } from "./history";
import { SPEEDS, type Machine } from "./machine";

export function Transport({ machine }: { machine: Machine }) {
  const here = machine.moment.value;
  const playing = machine.playing.value;
  const pinned = machine.pin.value !== null && machine.pin.value.offset === here?.command_offset;
  return (
    <div class="tm-transport">
      <div class="row tm-buttons" role="group" aria-label="Move along the history">
        <button type="button" aria-label="To the first command (Home)" title="First (Home)" onClick={() => machine.first()}>
          <Icon path="M3 2h2v12H3zM14 2v12L6 8z" />
        </button>
        <button
          type="button"
          aria-label="One command back (arrow left)"
          title="Back (←)"
          disabled={here?.previous === null}
          onClick={() => machine.step(-1)}
        >
          <Icon path="M11 2v12L3 8z" />
        </button>
        <button
          type="button"
          class="primary tm-play"
          aria-label={playing ? "Pause (space)" : "Play (space)"}
          title={playing ? "Pause (space)" : "Play (space)"}
          onClick={() => machine.toggle()}
        >
          <Icon path={playing ? "M3 2h3.5v12H3zM9.5 2H13v12H9.5z" : "M4 1.5v13L14 8z"} />
        </button>
        <button
          type="button"
          aria-label="One command on (arrow right)"
          title="On (→)"
          disabled={here?.next === null}
          onClick={() => machine.step(1)}
        >
          <Icon path="M5 2v12l8-6z" />
        </button>
        <button type="button" aria-label="To the live end (End)" title="Live (End)" onClick={() => machine.follow()}>
          <Icon path="M2 2v12l8-6zM11 2h2v12h-2z" />
        </button>
      </div>
      <select
        aria-label="Speed"
        value={String(machine.speed.value)}
        onChange={(event) => machine.chooseSpeed(Number(event.currentTarget.value))}
      >
        {SPEEDS.map((speed, at) => (
          <option key={speed.name} value={String(at)}>
            {speed.name}
          </option>
        ))}
      </select>
      <Where machine={machine} />
      <button type="button" aria-pressed={pinned} title="Pin this moment, to compare others with it (P)" onClick={() => machine.togglePin()}>
        {pinned ? "Unpin" : "Pin"}
      </button>
      <span class="end" />
      <Find machine={machine} />
    </div>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg class="tm-icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={path} fill="currentColor" />
    </svg>
  );
}

/** Where one stands; typed over, where to go. */
function Where({ machine }: { machine: Machine }) {
  const here = machine.moment.value;
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <form
      class="tm-where"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed !== null && typed.trim() !== "") machine.go(typed.trim());
        setTyped(null);
      }}
    >
      <input
        class="mono"
        aria-label="Place: a command's offset, or a time"
        title="A command's offset, or a time such as 2024-05-01T09:30:00Z"
        value={typed ?? (here === null ? "" : String(here.command_offset))}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
      />
      {here !== null && (
        <span class="tm-when">
          <time class="mono" dateTime={new Date(here.at_ms).toISOString()}>
            {momentText(here.at_ms)}
          </time>
          <span class="muted small">
            of {whole(here.last)} · {whole(here.next_sequence)} events · rules {here.rules_version}
          </span>
        </span>
      )}
      {machine.following.value && <Badge tone="accent">live</Badge>}
    </form>
  );
}

function Find({ machine }: { machine: Machine }) {
  const [text, setText] = useState("");
  const [told, setTold] = useState("");
  useEffect(() => setTold(""), [text]);
  return (
    <form
      class="row tm-find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === "") return;
        void machine.find(text.trim()).then((found) => setTold(found ? "" : "nothing further on"));
      }}
    >
      {told !== "" && (
        <span class="small muted" role="status">
          {told}
        </span>
      )}
      <input type="search" placeholder="Find in commands and events" aria-label="Find in commands and events" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">Next</button>
    </form>
  );
}

const TYPING = "input, select, textarea, [contenteditable], [role='tab'], dialog[open]";

/** Keys of the page, but where something is typed. */
export function useKeys(machine: Machine): void {
  useEffect(() => {
    function press(event: KeyboardEvent): void {
      const target = event.target as HTMLElement | null;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target?.closest(TYPING)) return;
      if (event.key === " " && target?.closest("button, a, summary")) return;
      const far = event.shiftKey ? 10 : 1;
      const keys: Record<string, () => void> = {
        ArrowRight: () => machine.step(far),
        ArrowLeft: () => machine.step(-far),
        PageDown: () => machine.step(100),
        PageUp: () => machine.step(-100),
        Home: () => machine.first(),
        End: () => machine.follow(),
        " ": () => machine.toggle(),
        p: () => machine.togglePin(),
        "+": () => machine.chooseSpeed(Math.min(machine.speed.value + 1, SPEEDS.length - 1)),
        "-": () => machine.chooseSpeed(Math.max(machine.speed.value - 1, 0)),
      };
      const act = keys[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    }
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [machine]);
}
