/** What happened at the moment: the command, its events, and what they changed. */
import type { ComponentChildren } from "preact";
import { whole } from "../../parts/format";
import { Badge, Empty, Panel, type Tone } from "../../parts/panel";
import { inline, type Difference, type Moment, type Told } from "./history";
import type { Machine } from "./machine";

const ENVELOPE = /^(type|sequence|cause|cause_index|cause_count|origin_\w+)$/;

export function Happened({ machine, edit }: { machine: Machine; edit: (op: "remove" | "change" | "add") => void }) {
  const here = machine.moment.value;
  if (here === null) return null;
  const topic = `${here.system}.commands/${here.partition}@${here.command_offset}`;
  return (
    <Panel
      title="What happened"
      class="tm-happened"
      tools={
        <button type="button" class="quiet small" onClick={() => (machine.story.value = topic)}>
          Story
        </button>
      }
    >
      {here.command === null ? (
        <p class="muted">The command is no longer kept.</p>
      ) : (
        <Recorded told={here.command} label="Command" tone={here.refused ? "danger" : "information"}>
          <Origin machine={machine} value={here.command.value} />
          <span class="row tm-edits">
            <button type="button" class="quiet small" onClick={() => edit("remove")}>
              What if not?
            </button>
            <button type="button" class="quiet small" onClick={() => edit("change")}>
              What if otherwise?
            </button>
          </span>
        </Recorded>
      )}
      <ol class="tm-events" aria-label="Events">
        {here.events.map((event) => (
          <li key={event.offset}>
            <Recorded told={event} label="Event" tone={toneOf(event.type)}>
              <button type="button" class="quiet small" aria-label={`The story of ${event.type}`} onClick={() => (machine.story.value = eventPlace(here, event))}>
                Why, and then?
              </button>
            </Recorded>
          </li>
        ))}
      </ol>
      {here.events_count > here.events.length && <p class="muted small">… and {whole(here.events_count - here.events.length)} events more</p>}
      <h3 class="tm-changed-title">What it changed in the state</h3>
      {here.changes === null ? (
        <p class="muted small tm-changes">…</p>
      ) : here.changes.count === 0 ? (
        <p class="muted small tm-changes">Nothing.</p>
      ) : (
        <Differences fields={here.changes.fields} count={here.changes.count} left="before" right="after" />
      )}
    </Panel>
  );
}

interface FromElsewhere {
  origin_topic?: string;
  origin_partition?: number;
  origin_sequence?: number;
}

/** The event of another system that the command came from. */
function Origin({ machine, value }: { machine: Machine; value: unknown }) {
  const { origin_topic: topic, origin_partition: partition = 0, origin_sequence: sequence } = (value ?? {}) as FromElsewhere;
  if (topic === undefined || sequence === undefined) return null;
  return (
    <button type="button" class="quiet small" onClick={() => (machine.story.value = `${topic}/${partition}#${sequence}`)}>
      from {topic.replace(/\.events$/, "")}
    </button>
  );
}

function eventPlace(here: Moment, event: Told): string {
  const sequence = (event.value as { sequence?: number } | null)?.sequence ?? 0;
  return `${here.system}.events/${here.partition}#${sequence}`;
}

export function toneOf(type: string): Tone {
  if (/(rejected|refused|dead_lettered)\.v\d+$/.test(type)) return "danger";
  return /^(nothing_changed|rules_adopted|command_repeated)\./.test(type) ? "warning" : "accent";
}

function Recorded({ told, label, tone, children }: { told: Told; label: string; tone: Tone; children: ComponentChildren }) {
  return (
    <div class="tm-recorded">
      <div class="row">
        <Badge tone={tone}>{told.type || "(unreadable)"}</Badge>
        <span class="muted small">
          {label} {whole(told.offset)}
          {told.key !== null && ` · ${told.key}`}
        </span>
        <span class="end" />
        {children}
      </div>
      <Fields value={told.value} />
    </div>
  );
}

function Fields({ value }: { value: unknown }) {
  if (typeof value !== "object" || value === null) return <pre class="small">{inline(value, 400)}</pre>;
  const fields = Object.entries(value).filter(([name]) => !ENVELOPE.test(name));
  if (fields.length === 0) return null;
  return (
    <dl class="tm-fields">
      {fields.map(([name, each]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="mono">{inline(each)}</dd>
        </div>
      ))}
    </dl>
  );
}

interface DifferencesGiven {
  fields: readonly Difference[];
  count: number;
  left: string;
  right: string;
}

/** Fields that differ: what stood there, and what stands there now. */
export function Differences({ fields, count, left, right }: DifferencesGiven) {
  if (count === 0) return <Empty>The same.</Empty>;
  return (
    <div class="tm-changes tm-scroll" tabIndex={0} role="group" aria-label="Fields that differ">
      <table>
        <thead>
          <tr>
            <th scope="col">field</th>
            <th scope="col">{left}</th>
            <th scope="col">{right}</th>
          </tr>
        </thead>
        <tbody>
          {fields.map((field) => (
            <tr key={field.path}>
              <th scope="row" class="mono" title={field.path}>
                {field.path || "(all)"}
              </th>
              <td class="mono tm-left">{sided(field.left)}</td>
              <td class="mono tm-right">
                {sided(field.right)}
                {typeof field.left === "number" && typeof field.right === "number" && (
                  <span class="muted"> {field.right > field.left ? "+" : "−"}{whole(Math.abs(field.right - field.left))}</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {count > fields.length && <p class="muted small">… and {whole(count - fields.length)} fields more</p>}
    </div>
  );
}

function sided(value: unknown): ComponentChildren {
  return value === "(absent)" ? <span class="muted">not there</span> : inline(value, 120);
}
