/** What stands around every page: the bar, the state of the connection, the theme, the key. */
import { useEffect } from "preact/hooks";
import { ErrorBoundary, LocationProvider, Route, Router, useLocation } from "preact-iso";
import { live } from "../api/live";
import { KeyDialog } from "./key_dialog";
import { PAGES } from "./routes";
import { theme, toggleTheme } from "./theme";

function isWithin(path: string, url: string): boolean {
  return path === "/" ? url === "/" : url === path || url.startsWith(`${path}/`);
}

function Bar() {
  const { path } = useLocation();
  useEffect(() => {
    const page = PAGES.find((each) => each.listed && isWithin(each.path, path));
    document.title = page === undefined || page.path === "/" ? "refold" : `${page.title} · refold`;
  }, [path]);
  const state = live.state.value;
  const told = { idle: "", opening: "connecting", open: "live", lost: "connection lost, trying again" }[state];
  return (
    <header class="shell-bar">
      <a class="shell-skip" href="#main">
        Skip to the page
      </a>
      <a class="shell-name" href="/" aria-label="refold">
        <img src="/icon.svg" alt="" />
        <span>refold</span>
      </a>
      <nav class="shell-links" aria-label="Pages">
        {PAGES.filter((page) => page.listed).map((page) => (
          <a key={page.path} href={page.path} aria-current={isWithin(page.path, path) ? "page" : undefined}>
            {page.title}
          </a>
        ))}
      </nav>
      <span class="end" />
      <span class="shell-state" data-state={state} role="status">
        <span>{told}</span>
      </span>
      <button
        type="button"
        class="quiet"
        aria-label={theme.value === "dark" ? "Light theme" : "Dark theme"}
        onClick={toggleTheme}
      >
        {theme.value === "dark" ? "☀" : "☾"}
      </button>
    </header>
  );
}

function NotFound() {
  return (
    <div class="page">
      <h1>There is no such page</h1>
      <p>
        <a href="/">The overview</a> has links to all that there are.
      </p>
    </div>
  );
}

export function Shell() {
  return (
    <LocationProvider>
      <div class="shell">
        <Bar />
        <main id="main" tabIndex={-1}>
          <ErrorBoundary>
            <Router>
              {PAGES.map((page) => (
                <Route key={page.path} path={page.path} component={page.component} />
              ))}
              <Route default component={NotFound} />
            </Router>
          </ErrorBoundary>
        </main>
      </div>
      <KeyDialog />
    </LocationProvider>
  );
}
