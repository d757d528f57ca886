/** Why it happened, and what came of it: a tree of commands and events across systems. */
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Problem } from "../../api/client";
import { clockMs, whole } from "../../parts/format";
import { Empty, problemOf, ProblemNote } from "../../parts/panel";
import { inline, type Message, type Story } from "./history";
import type { Machine } from "./machine";

const FIELDS = 4;
const UNASKED_COMMANDS = 200_000;

export function StoryView({ machine }: { machine: Machine }) {
  const chosen = machine.story.value;
  const shown = useMoment(machine);
  const of = chosen ?? shown;
  const [story, setStory] = useState<Story | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (of === null) return;
    let ended = false;
    setProblem(null);
    machine.past
      .story(of)
      .then((found) => !ended && setStory(found))
      .catch((error: unknown) => !ended && setProblem(problemOf(error)));
    return () => {
      ended = true;
    };
  }, [machine, of]);
  return (
    <div class="stack">
      <StorySearch machine={machine} />
      {of === null && <Empty>Choose an event, or look for an order, an account, a post: its whole life, in every system.</Empty>}
      <ProblemNote problem={problem} />
      {of !== null && story === null && problem === null && <p class="muted">Looking through the logs …</p>}
      {chosen !== null && (
        <div class="row">
          <code class="small tm-of">{chosen}</code>
          <button type="button" class="quiet small end" onClick={() => (machine.story.value = null)}>
            Of each moment
          </button>
        </div>
      )}
      {story !== null && story.roots.length === 0 && <Empty>Nothing holds that.</Empty>}
      {story !== null && story.roots.length > 0 && (
        <div class="tm-story">
          <p class="muted small">
            {whole(story.messages)} commands and events in {whole(systemsOf(story.roots).size)} systems{story.is_cut && ", the first of more"}
          </p>
          <Branches machine={machine} messages={story.roots} colours={coloursOf(story.roots)} />
        </div>
      )}
    </div>
  );
}

/** The command of the moment; null where the logs are so long that nobody should look unasked. */
function useMoment(machine: Machine): string | null {
  const here = machine.settled.value;
  const commands = machine.histories.value?.partitions.reduce((sum, each) => sum + each.commands, 0) ?? 0;
  if (here === null || commands > UNASKED_COMMANDS) return null;
  return `${here.system}.commands/${here.partition}@${here.command_offset}`;
}

function StorySearch({ machine }: { machine: Machine }) {
  const [text, setText] = useState("");
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") machine.story.value = text.trim();
      }}
    >
      <input
        class="tm-grow"
        aria-label="The story of a key, or of a field's value"
        placeholder="order_id=17, or any key"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit">Tell</button>
    </form>
  );
}

function systemsOf(messages: readonly Message[], found = new Set<string>()): Set<string> {
  for (const message of messages) {
    found.add(message.system);
    systemsOf(message.children, found);
  }
  return found;
}

function coloursOf(roots: readonly Message[]): Map<string, string> {
  return new Map([...systemsOf(roots)].map((system, at) => [system, `var(--series-${(at % 6) + 1})`]));
}

interface BranchesGiven {
  machine: Machine;
  messages: readonly Message[];
  colours: ReadonlyMap<string, string>;
}

function Branches({ machine, messages, colours }: BranchesGiven) {
  return (
    <ul>
      {messages.map((message) => (
        <li key={message.place}>
          <Told machine={machine} message={message} ink={colours.get(message.system) ?? "var(--text-muted)"} />
          {message.children.length > 0 && <Branches machine={machine} messages={message.children} colours={colours} />}
          {message.events_left_out > 0 && <p class="muted small tm-left-out">and {whole(message.events_left_out)} events more</p>}
        </li>
      ))}
    </ul>
  );
}

function Told({ machine, message, ink }: { machine: Machine; message: Message; ink: string }) {
  const { route } = useLocation();
  const offset = commandOf(message);
  const isHere =
    message.system === machine.system &&
    message.partition === machine.partition.value &&
    offset === machine.moment.value?.command_offset;
  function go(): void {
    if (offset === null) return;
    if (message.system === machine.system) machine.go(String(offset), message.partition);
    else route(`/time/${message.system.replace(".", "/")}?partition=${message.partition}&at=${offset}&story=${encodeURIComponent(message.place)}`);
  }
  const fields = Object.entries(message.fields).slice(0, FIELDS);
  return (
    <button type="button" class="tm-told" aria-current={isHere ? "step" : undefined} data-matches={message.matches} onClick={go}>
      <span class="tm-dot" data-kind={message.kind} style={{ color: ink }} aria-hidden="true" />
      <span class="tm-told-type">{message.type}</span>
      <span class="small" style={{ color: ink }}>
        {message.system}
      </span>
      <span class="muted small mono end">{clockMs(message.timestamp)}</span>
      <span class="muted small mono tm-told-fields">{fields.map(([name, value]) => `${name}=${inline(value, 28)}`).join("  ")}</span>
    </button>
  );
}

/** The command whose moment shows a message: itself, or the one that an event came from. */
function commandOf(message: Message): number | null {
  if (message.kind === "command") return message.offset;
  const found = /@(\d+)$/.exec(message.came_from ?? "");
  return found === null ? null : Number(found[1]);
}
