/** The pages: where each is found, and what the bar calls it. Each is loaded when it is opened. */
import type { FunctionComponent } from "preact";
import { lazy } from "preact-iso";

export interface Page {
  /** As preact-iso matches it: `/systems/:family/:system`. */
  path: string;
  title: string;
  /** In the bar, or reached by links alone. */
  listed: boolean;
  component: FunctionComponent;
}

export const PAGES: readonly Page[] = [
  { path: "/", title: "Overview", listed: true, component: lazy(() => import("../pages/overview")) },
  { path: "/exchange", title: "Exchange", listed: true, component: lazy(() => import("../pages/exchange")) },
  { path: "/feed", title: "Feed", listed: true, component: lazy(() => import("../pages/feed")) },
  { path: "/stays", title: "Stays", listed: true, component: lazy(() => import("../pages/stays")) },
  { path: "/video", title: "Video", listed: true, component: lazy(() => import("../pages/video")) },
  { path: "/time", title: "Time machine", listed: true, component: lazy(() => import("../pages/time_machine")) },
  {
    path: "/time/:family/:system",
    title: "Time machine",
    listed: false,
    component: lazy(() => import("../pages/time_machine")),
  },
  {
    path: "/systems/:family/:system",
    title: "System",
    listed: false,
    component: lazy(() => import("../pages/system")),
  },
];
