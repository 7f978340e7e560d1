/** Finds anything by a few letters (Ctrl K), and the sheet of keys. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { arranged, groupsOf } from "../model/rows.ts";
import { usePage, useWorld } from "./context.tsx";

const MOST = 12;

export function Palette({ choose, close }: { choose(id: string): void; close(): void }) {
  const world = useWorld();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useDialog(close);
  const find = (words: string) =>
    arranged(groupsOf(world), words, { key: "name", descending: false })
      .flatMap((group) => group.rows.map((row) => ({ ...row, title: group.title })))
      .slice(0, MOST);
  const found = useMemo(() => find(text), [world, text]);
  /** What Enter chooses: whoever types fast does so before it is shown. */
  const chosen = (target: EventTarget | null) => {
    const words = target instanceof HTMLInputElement ? target.value : text;
    return words === text ? found[at] : find(words)[0];
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") {
      const row = chosen(event.target);
      if (!row) return;
      choose(row.id);
      close();
    } else return;
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Find">
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="found"
        aria-activedescendant={found[at] ? `found-${at}` : undefined}
        aria-label="Find anything"
        placeholder="Find a switch, link, station, flow, router…"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={key}
      />
      <div id="found" role="listbox" aria-label="Found">
        {found.map((row, place) => (
          <div
            key={row.id}
            id={`found-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === at}
            onClick={() => {
              choose(row.id);
              close();
            }}
            onKeyDown={key}
          >
            <b>{row.name}</b> <small>{row.title}</small>
          </div>
        ))}
      </div>
    </dialog>
  );
}

const KEYS: [string, string][] = [
  ["Ctrl K", "find anything"],
  ["/", "filter the table"],
  ["↑ ↓ Enter", "walk the table, select"],
  ["← →", "close and open a group"],
  ["d", "draw a flow"],
  ["m", "migrate the selected flow, move the selected router"],
  ["s", "make a slice"],
  ["t", "timers"],
  ["w", "what if"],
  ["f", "fit the picture"],
  ["1 2 3", "table, picture, details (narrow screens)"],
  ["Esc", "close, or select nothing"],
  ["?", "this sheet"],
];

export function KeySheet({ close }: { close(): void }) {
  const dialog = useDialog(close);
  return (
    <dialog ref={dialog} class="keys" aria-label="Keys">
      <h2>Keys</h2>
      <dl>
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}

export function TokenDialog({ enter }: { enter(token: string): void }) {
  const dialog = useDialog(() => undefined);
  const { hasToken } = usePage();
  const [token, setToken] = useState("");
  return (
    <dialog ref={dialog} aria-label="Token">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          enter(token.trim());
        }}
      >
        <h2>This controller asks for a token</h2>
        {hasToken() && (
          <p class="fault" role="alert" id="token-fault">
            It does not accept the one that was given.
          </p>
        )}
        <p class="note">It is kept in this tab only, and gone when you close it.</p>
        <p class="field">
          <label for="token">Token</label>
          <input
            id="token"
            type="password"
            autocomplete="off"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </p>
        <button type="submit" class="main">
          Enter
        </button>
      </form>
    </dialog>
  );
}

function useDialog(close: () => void) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const one = dialog.current;
    if (one === null) return;
    if (!one.open) one.showModal();
    one.addEventListener("close", close);
    return () => one.removeEventListener("close", close);
  }, []);
  return dialog;
}
