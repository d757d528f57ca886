/** One command: its form, filled in with the example; what it led to, or what was wrong, and where. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, type Problem, Refused, sendUntyped } from "../../api/client";
import { words } from "../../parts/format";
import { Badge, Note, Panel, ProblemNote, problemOf } from "../../parts/panel";
import { type Operation, resolve, type Schema } from "./description";
import { convert, type Draft, draftOf, type Errors } from "./draft";
import { StructFields } from "./schema_fields";
import { Fields } from "./value";

interface Given {
  operation: Operation;
  schemas: Record<string, Schema>;
}

interface Outcome {
  answers: Answer[];
  took_ms: number;
}

/** Where the gateway says that the fault is, as a path of the form. */
function placeOf(problem: Problem): string {
  if (problem.path !== undefined && problem.path !== "") return problem.path;
  return problem.field !== undefined && problem.field !== "" ? `$.${problem.field}` : "";
}

export function CommandPanel({ operation, schemas }: Given) {
  const takes = resolve(operation.takes, schemas);
  const form = useRef<HTMLFormElement>(null);
  const [draft, setDraft] = useState<Draft>(() => draftOf(operation.example, takes, schemas));
  const [errors, setErrors] = useState<Errors>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isSending, setIsSending] = useState(false);
  /** Kept until there is an answer, so that a command that is sent again is decided once. */
  const [key, setKey] = useState(() => crypto.randomUUID());

  useEffect(() => {
    const first = Object.keys(errors)[0];
    if (first === undefined) return;
    const found = [...(form.current?.querySelectorAll<HTMLElement>("[data-path]") ?? [])];
    const input = found.find((each) => each.dataset["path"] === first);
    input?.closest("details")?.setAttribute("open", "");
    input?.focus();
  }, [errors]);

  function change(next: Draft): void {
    setDraft(next);
    setErrors({});
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const found: Errors = {};
    const body = convert(draft, takes, schemas, "$", true, found);
    setErrors(found);
    setProblem(null);
    if (Object.keys(found).length > 0) return;
    setIsSending(true);
    const began_ms = performance.now();
    try {
      const answer = (await sendUntyped(operation.path, body, key)) as Answer | Answer[];
      setOutcome({ answers: [answer].flat(), took_ms: performance.now() - began_ms });
      setKey(crypto.randomUUID());
    } catch (error) {
      refuse(problemOf(error), error);
    } finally {
      setIsSending(false);
    }
  }

  function refuse(told: Problem, error: unknown): void {
    setOutcome(null);
    setProblem(told);
    const place = placeOf(told);
    if (place !== "") setErrors({ [place]: told.detail ?? told.title });
    // what was decided is done with; what never came through is sent again with its key
    if (error instanceof Refused && told.status >= 400 && told.status < 500) setKey(crypto.randomUUID());
  }

  return (
    <Panel title={<span class="mono">{operation.name}</span>} tools={<Badge>command</Badge>}>
      <form ref={form} class="stack" noValidate onSubmit={(event) => void submit(event)}>
        <About operation={operation} />
        <StructFields schema={takes} schemas={schemas} draft={draft} path="$" errors={errors} onChange={change} />
        <div class="row">
          <button class="primary" disabled={isSending}>
            {isSending ? "Sending" : "Send"}
          </button>
          <button type="button" class="quiet" onClick={() => change(draftOf(operation.example, takes, schemas))}>
            Fill in the example
          </button>
          <span class="small muted end system-key" title="Sent again with this key, the command is decided once.">
            Idempotency-Key <code>{key.slice(0, 8)}</code>
          </span>
        </div>
        <ProblemNote problem={problem} />
        {outcome !== null && <Result outcome={outcome} />}
      </form>
    </Panel>
  );
}

export function About({ operation }: { operation: Operation }) {
  const text = operation.about === "" ? operation.summary : operation.about;
  if (text === words(operation.name)) return null;
  return (
    <div class="system-about muted">
      {text.split("\n\n").map((paragraph, index) => (
        <p key={index}>{paragraph.replaceAll("`", "")}</p>
      ))}
    </div>
  );
}

function Result({ outcome }: { outcome: Outcome }) {
  return (
    <div class="stack system-result">
      <Note tone="accent">Decided and durable, in {outcome.took_ms.toFixed(0)} ms.</Note>
      {outcome.answers.map(({ command, events }) => (
        <section key={command.partition} class="stack">
          <h3>
            Command {command.offset} of partition {command.partition}
          </h3>
          {events.map(({ type, sequence, cause: _, idempotency_key: _key, ...fields }) => (
            <div key={sequence} class="system-event">
              <div class="row">
                <Badge tone="accent">{type}</Badge>
                <span class="small muted">sequence {sequence}</span>
              </div>
              <Fields fields={fields} />
            </div>
          ))}
        </section>
      ))}
    </div>
  );
}
