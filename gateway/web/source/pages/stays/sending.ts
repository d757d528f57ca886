/** Sending a command from a form: what it waits for, and what the rules said against it. */
import { useRef, useState } from "preact/hooks";
import { type Body, type CommandPath, type Problem, send } from "../../api/client";
import { problemOf } from "../../parts/panel";
import { withDates } from "./days";

export type StaysCommand = Extract<CommandPath, `/api/booking/stays/commands/${string}`>;

export interface Sending {
  busy: boolean;
  problem: Problem | null;
  /** What is wrong with a field of the form, if that is what the rules said. */
  errorOf: (...fields: string[]) => string | undefined;
  /** What no field of the form shows. */
  elsewhere: (...shown: string[]) => Problem | null;
  /** Whether it was done. Sent again after a broken line, it is done once. */
  go: <Path extends StaysCommand>(path: Path, body: Body<Path>) => Promise<boolean>;
  clear: () => void;
}

export function useSending(): Sending {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const last = useRef({ asked: "", key: "" });

  async function go<Path extends StaysCommand>(path: Path, body: Body<Path>): Promise<boolean> {
    const asked = path + JSON.stringify(body);
    if (last.current.asked !== asked) last.current = { asked, key: crypto.randomUUID() };
    setBusy(true);
    setProblem(null);
    try {
      await send(path, body, last.current.key);
      last.current = { asked: "", key: "" };
      return true;
    } catch (error) {
      const found = problemOf(error);
      setProblem({ ...found, detail: withDates(found.detail ?? "") });
      // Decided: asked once more, it is another question.
      if (found.status === 409) last.current = { asked: "", key: "" };
      return false;
    } finally {
      setBusy(false);
    }
  }

  const isOf = (fields: string[]) => problem?.field !== undefined && fields.includes(problem.field);
  return {
    busy,
    problem,
    errorOf: (...fields) => (isOf(fields) ? problem?.detail || problem?.title : undefined),
    elsewhere: (...shown) => (isOf(shown) ? null : problem),
    go,
    clear: () => setProblem(null),
  };
}
