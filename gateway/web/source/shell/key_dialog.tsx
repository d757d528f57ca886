/** Asks for a key where the server wants one. It is kept for this tab alone. */
import { useEffect, useRef } from "preact/hooks";
import { keyWanted, setKey } from "../api/key";

export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const wanted = keyWanted.value;
  useEffect(() => {
    if (wanted) dialog.current?.showModal();
    else dialog.current?.close();
  }, [wanted]);
  return (
    <dialog ref={dialog} class="panel" aria-labelledby="key-title" onCancel={(event) => event.preventDefault()}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          setKey(String(new FormData(event.currentTarget).get("key") ?? "").trim());
        }}
      >
        <h2 id="key-title">This server wants a key</h2>
        <p class="muted">An API key, or a token. It is kept until this tab is closed.</p>
        <input name="key" type="password" aria-label="Key" autocomplete="off" required />
        <button class="primary">Go on</button>
      </form>
    </dialog>
  );
}
