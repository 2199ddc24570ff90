// A list in a dialog whose further pages come by a button.

import { el, first } from "../lib/dom.js";
import { notify } from "./notices.js";

/**
 * Fill the list with its first page, and give the button for the next one. load(after) gives a promise of {rows, next}:
 * nodes, and the `after` of the next page, "" at the end.
 */
export async function pagedList(list, text, load) {
  let after = "";
  let isLoading = false; // a second press would bring the same page again
  const page = async () => {
    if (isLoading) return;
    isLoading = true;
    try {
      const { rows, next } = await load(after);
      list.append(...rows);
      after = next;
      if (next === "" && document.activeElement === more) focusRow(rows[0] ?? list);
      more.hidden = next === "";
    } finally {
      isLoading = false;
    }
  };
  const more = el("button", { type: "button", onclick: () => page().catch((error) => notify(error.message, "bad")) }, text);
  await page();
  return more;
}

/** The button goes with the last page: the focus would be lost, and with it the place of a screen reader. */
function focusRow(row) {
  const control = first("a[href], button", row);
  if (!control) row.tabIndex = -1;
  (control ?? row).focus();
}
