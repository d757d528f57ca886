/** What if: recorded commands left out, changed or added, played again beside what was. */
import { useEffect, useRef, useState } from "preact/hooks";
import { getJson, request, type Problem } from "../../api/client";
import { whole } from "../../parts/format";
import { Badge, Empty, Field, Figure, problemOf, ProblemNote } from "../../parts/panel";
import { Differences } from "./happened";
import { inline } from "./history";
import type { Machine } from "./machine";
import { editable, isWhole, lines, parsed, type Alternative, type Draft, type Edit, type Result } from "./what_if_draft";

const LOOK_MS = 300;
const LENGTHS = [100, 1000, 10_000, 100_000] as const;
const TITLES = { remove: "Leave out", change: "Change", add: "Insert after" } as const;

interface WhatIfGiven {
  machine: Machine;
  draft: Draft;
  change: (draft: Draft) => void;
  /** One more command, like the one that is shown. */
  add: () => void;
}

export function WhatIfView({ machine, draft, change, add }: WhatIfGiven) {
  const [length, setLength] = useState<number>(1000);
  const [asked, setAsked] = useState<Alternative | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef(0);
  useEffect(() => () => clearTimeout(running.current), []);

  function look(location: string): void {
    running.current = window.setTimeout(() => {
      getJson<Alternative>(location)
        .then((found) => {
          setAsked(found);
          if (found.state === "running") look(location);
          else if (found.problem !== null && found.state === "failed") setProblem(found.problem);
        })
        .catch((error: unknown) => {
          setProblem(problemOf(error));
          setAsked(null);
        });
    }, LOOK_MS);
  }

  async function begin(): Promise<void> {
    const offsets = draft.edits.map((edit) => edit.offset);
    const since = Math.min(...offsets);
    const [partition] = draft.edits.map((edit) => edit.partition);
    setProblem(null);
    try {
      const until = Math.max(...offsets) + length;
      const found = await machine.past.post<Alternative>("what-if", {
        partition,
        since: String(since),
        until: String(until),
        edits: lines(draft),
      });
      setAsked(found);
      look(found.location);
    } catch (error) {
      setProblem(problemOf(error));
    }
  }

  async function end(): Promise<void> {
    if (asked === null) return;
    try {
      await request(asked.location, { method: "DELETE" });
    } catch (error) {
      setProblem(problemOf(error));
    }
  }

  const isOn = asked?.state === "running";
  return (
    <div class="stack">
      {draft.edits.length === 0 && <Empty>Leave out, change or insert commands; then play what follows again, and see what would be other.</Empty>}
      <ul class="tm-drafted">
        {draft.edits.map((edit, at) => (
          <li key={`${edit.op} ${edit.offset}`}>
            <EditForm
              edit={edit}
              change={(next) => change({ ...draft, edits: draft.edits.map((each, other) => (other === at ? next : each)) })}
              drop={() => change({ ...draft, edits: draft.edits.filter((_, other) => other !== at) })}
            />
          </li>
        ))}
      </ul>
      <div class="row">
        <button type="button" onClick={add}>
          Insert a command here
        </button>
        <span class="end" />
        <select aria-label="How far to play on" value={String(length)} onChange={(event) => setLength(Number(event.currentTarget.value))}>
          {LENGTHS.map((each) => (
            <option key={each} value={String(each)}>
              and {whole(each)} commands on
            </option>
          ))}
        </select>
        {isOn ? (
          <button type="button" onClick={() => void end()}>
            Cancel
          </button>
        ) : (
          <button type="button" class="primary" disabled={!isWhole(draft)} onClick={() => void begin()}>
            Play it again
          </button>
        )}
      </div>
      <ProblemNote problem={problem} />
      {isOn && (
        <div class="tm-progress">
          <label class="small muted" for="tm-progress">
            {asked.doing}
          </label>
          <progress id="tm-progress" value={asked.done} max={Math.max(asked.total, 1)} />
        </div>
      )}
      {asked?.state === "done" && asked.result !== null && <Outcome machine={machine} result={asked.result} />}
    </div>
  );
}

function EditForm({ edit, change, drop }: { edit: Edit; change: (edit: Edit) => void; drop: () => void }) {
  return (
    <div class="tm-edit">
      <div class="row">
        <Badge tone={edit.op === "remove" ? "danger" : edit.op === "add" ? "buy" : "warning"}>{TITLES[edit.op]}</Badge>
        <strong class="small">
          {edit.type} · command {whole(edit.offset)}
        </strong>
        <button type="button" class="quiet small end" aria-label={`Drop: ${TITLES[edit.op]} ${edit.offset}`} onClick={drop}>
          ✕
        </button>
      </div>
      {edit.op !== "remove" && (
        <div class="tm-edit-fields">
          {editable(edit).map(([name, recorded]) => (
            <FieldEdit key={name} edit={edit} name={name} recorded={recorded} change={change} />
          ))}
        </div>
      )}
    </div>
  );
}

function FieldEdit({ edit, name, recorded, change }: { edit: Edit; name: string; recorded: unknown; change: (edit: Edit) => void }) {
  const shown = typeof recorded === "string" ? recorded : JSON.stringify(recorded);
  const [text, setText] = useState(shown);
  const value = parsed(text, recorded);
  const isChanged = text !== shown;
  return (
    <Field label={name} error={value === null && text !== "null" ? "as JSON, please" : undefined}>
      {(field) => (
        <input
          {...field}
          class={`mono ${isChanged ? "tm-edited" : ""}`}
          value={text}
          onInput={(event) => {
            const typed = event.currentTarget.value;
            setText(typed);
            const { [name]: _, ...rest } = edit.set;
            const found = parsed(typed, recorded);
            const isOther = typed !== shown && (found !== null || typed === "null");
            change({ ...edit, set: isOther ? { ...rest, [name]: found } : rest });
          }}
        />
      )}
    </Field>
  );
}

function Outcome({ machine, result }: { machine: Machine; result: Result }) {
  const events = result.events;
  const other = events.kinds.filter((kind) => kind.before !== kind.after || kind.changed > 0);
  const states = result.states.filter((state) => state.differences_count > 0);
  return (
    <div class="stack tm-outcome" role="region" aria-label="What would be other">
      <div class="row tm-figures">
        <Figure label="answered otherwise" tone={events.changed > 0 ? "warning" : "buy"}>
          {whole(events.changed)} of {whole(events.commands)}
        </Figure>
        <Figure label="events">
          {whole(events.events_before)} → {whole(events.events_after)}
        </Figure>
        <Figure label="state fields">{whole(states.reduce((sum, each) => sum + each.differences_count, 0))} differ</Figure>
      </div>
      {other.length > 0 && (
        <div class="tm-scroll" tabIndex={0} role="group" aria-label="Events by kind">
          <table>
            <thead>
              <tr>
                <th scope="col">events</th>
                <th scope="col">was</th>
                <th scope="col">would be</th>
                <th scope="col">changed</th>
              </tr>
            </thead>
            <tbody>
              {other.map((kind) => (
                <tr key={kind.kind}>
                  <th scope="row" class="mono">
                    {kind.kind}
                  </th>
                  <td>{whole(kind.before)}</td>
                  <td>{whole(kind.after)}</td>
                  <td>{whole(kind.changed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {events.examples.length > 0 && (
        <section>
          <h3>Commands that would be answered otherwise</h3>
          <ol class="tm-examples">
            {events.examples.slice(0, 20).map((example) => (
              <li key={`${example.edit} ${example.offset}`}>
                <button type="button" class="quiet small" onClick={() => machine.go(String(example.offset), example.partition)}>
                  {whole(example.offset)}
                </button>
                <span class="small">
                  {inline((example.command as { type?: string } | null)?.type ?? "", 40)} {example.edit !== "" && <Badge>{example.edit}</Badge>}
                  <span class="mono tm-left"> {example.kinds_before.join(", ") || "nothing"}</span> →
                  <span class="mono tm-right"> {example.kinds_after.join(", ") || "nothing"}</span>
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
      {states.map((state) => (
        <section key={state.partition}>
          <h3>The state in the end: {whole(state.differences_count)} fields differ</h3>
          <Differences fields={state.differences} count={state.differences_count} left="was" right="would be" />
        </section>
      ))}
      {result.queries
        .filter((query) => query.differences_count > 0)
        .map((query) => (
          <section key={query.query}>
            <h3>
              {query.query}: {whole(query.differences_count)} differences
            </h3>
            <Differences fields={query.differences} count={query.differences_count} left="was" right="would be" />
          </section>
        ))}
    </div>
  );
}
