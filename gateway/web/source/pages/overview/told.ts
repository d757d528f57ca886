/** What `/api/house` tells, and the way to follow it. As in gateway/http/house/told.py. */
import { useEffect, useState } from "preact/hooks";
import { getJson, type Problem } from "../../api/client";
import { problemOf } from "../../parts/panel";

export interface Extent {
  start: number;
  end: number;
  bytes: number | null;
}

export interface Task {
  state: "recovering" | "running";
  recovered: number;
  recovery_end: number;
  rules_version: number;
  snapshot_sequence: number;
  dead_lettered: number;
  latency_p50_us: number;
  latency_p99_us: number;
}

export interface Partition {
  number: number;
  commands: Extent;
  events: Extent;
  dead_letters: Extent;
  decided: number;
  lag: number;
  sequence: number;
  at_ms: number;
  task: Task | null;
}

export interface ReadModel {
  name: string;
  version: number;
  generation: number;
  is_current: boolean;
  lag: number;
}

export interface SystemTold {
  name: string;
  path: string;
  about: string;
  rules_version: number;
  commands: number;
  events: number;
  commands_per_s: number;
  events_per_s: number;
  history: { commands_per_s: number[]; events_per_s: number[] };
  lag: number;
  read_model_lag: number;
  dead_letters: { kept: number; waiting: number | null };
  partitions: Partition[];
  read_models: ReadModel[];
}

export interface House {
  number: number;
  at_ms: number;
  every_s: number;
  window_s: number;
  systems: SystemTold[];
  flows_per_s: Record<string, number>;
}

export interface Node {
  id: string;
  kind: "topic" | "processor" | "read_models" | "reactor" | "effect";
  system: string;
  label: string;
  about: string;
  parts: string[];
}

export interface Edge {
  id: string;
  source: string;
  target: string;
}

export interface Flow {
  nodes: Node[];
  edges: Edge[];
}

const EVERY_MS = 1000;

/** The house, each second while the page is in sight. What was told last stays where it fails. */
export function useHouse(): { house: House | null; problem: Problem | null } {
  const [house, setHouse] = useState<House | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const ending = new AbortController();
    let timer = 0;
    async function look(): Promise<void> {
      if (document.visibilityState === "visible") {
        try {
          setHouse(await getJson<House>("/api/house", ending.signal));
          setProblem(null);
        } catch (error) {
          if (ending.signal.aborted) return;
          setProblem(problemOf(error));
        }
      }
      if (!ending.signal.aborted) timer = window.setTimeout(look, EVERY_MS);
    }
    void look();
    return () => {
      ending.abort();
      window.clearTimeout(timer);
    };
  }, []);
  return { house, problem };
}

export function useFlow(): Flow | null {
  const [flow, setFlow] = useState<Flow | null>(null);
  useEffect(() => {
    const ending = new AbortController();
    getJson<Flow>("/api/house/flow", ending.signal).then(setFlow, () => undefined);
    return () => ending.abort();
  }, []);
  return flow;
}

/** Pages of their own, by system. */
const PAGES: Record<string, { path: string; title: string }> = {
  "markets.exchange": { path: "/exchange", title: "Exchange" },
  "social.feed": { path: "/feed", title: "Feed" },
  "booking.stays": { path: "/stays", title: "Stays" },
  "media.video": { path: "/video", title: "Video" },
};

export function pageOf(system: string): { path: string; title: string } | undefined {
  return PAGES[system];
}

/** `/systems/markets/exchange` */
export function placeOf(system: string): string {
  return system.replace(".", "/");
}

/** A rate, with no more digits than can be read as it moves. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 10) return perSecond < 0.1 ? perSecond.toFixed(2) : perSecond.toFixed(1);
  return Math.round(perSecond).toLocaleString("en");
}
