/** Two moments beside each other: the pinned one, and the one that is shown. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Problem } from "../../api/client";
import { whole } from "../../parts/format";
import { Empty, problemOf, ProblemNote } from "../../parts/panel";
import { Differences } from "./happened";
import { Conflated, moment as momentText, type Compared, type QueryCompared } from "./history";
import type { Machine } from "./machine";
import type { Asked } from "./read_models";

export function Compare({ machine, asked }: { machine: Machine; asked: Asked | null }) {
  const pin = machine.pin.value;
  const here = machine.settled.value;
  const [states, setStates] = useState<Compared | null>(null);
  const [answers, setAnswers] = useState<QueryCompared | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const requests = useMemo(() => new Conflated(), [machine]);
  useEffect(() => {
    if (pin === null || here === null) return;
    requests.run(async () => {
      const sides = { left: pin.offset, right: here.command_offset };
      try {
        setStates(await machine.past.compare(here.partition, sides.left, sides.right));
        setProblem(null);
        if (asked !== null) {
          const given = { ...asked.given, ...sides, partition: here.partition };
          setAnswers(await machine.past.compareQuery(asked.query, given));
        }
      } catch (error) {
        setProblem(problemOf(error));
      }
    });
  }, [pin?.offset, here, asked]);
  if (pin === null) {
    return (
      <div class="stack">
        <Empty>Pin a moment, then go to another: here stands what is different.</Empty>
        <button type="button" onClick={() => machine.togglePin()}>
          Pin this moment
        </button>
      </div>
    );
  }
  return (
    <div class="stack">
      <div class="row tm-sides">
        <button type="button" class="tm-side" onClick={() => machine.go(String(pin.offset))}>
          <span class="small muted">pinned</span>
          <strong>command {whole(pin.offset)}</strong>
          <span class="mono small">{states === null ? "" : momentText(states.left.at_ms)}</span>
        </button>
        <span aria-hidden="true">→</span>
        <span class="tm-side">
          <span class="small muted">shown</span>
          <strong>command {whole(here?.command_offset ?? 0)}</strong>
          <span class="mono small">{here === null ? "" : momentText(here.at_ms)}</span>
        </span>
        <button type="button" class="quiet small end" onClick={() => (machine.pin.value = null)}>
          Unpin
        </button>
      </div>
      <ProblemNote problem={problem} />
      {states !== null && (
        <section>
          <h3>State: {states.count === 0 ? "the same" : `${whole(states.count)} fields differ`}</h3>
          {states.count > 0 && <Differences fields={states.fields} count={states.count} left="pinned" right="shown" />}
        </section>
      )}
      {answers !== null && asked !== null && (
        <section>
          <h3>
            {answers.query}: {answers.count === 0 ? "the same" : `${whole(answers.count)} differences`}, {whole(answers.left.count)} rows then,{" "}
            {whole(answers.right.count)} now
          </h3>
          {answers.count > 0 && <Differences fields={answers.fields} count={answers.count} left="pinned" right="shown" />}
        </section>
      )}
    </div>
  );
}
