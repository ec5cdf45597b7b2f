// A table of which one row is chosen: columns that sort, pages, and keys. The findings, the hosts
// and the changes are such tables.

const PAGE = 50; // rows

// Columns: name; cell, which makes a cell's content; sort, which gives its key (null is always
// last); first, the direction of a first click; kind, a class; full, what a cell holds where it is
// cut. `idOf` names an item; `open` is called for a click, and for Enter with true.
function makeListing({ id, label, columns, idOf, classOf = () => "", chosen = () => {}, open }) {
  const state = {
    items: [],
    sorted: [],
    column: null,
    down: false,
    page: 0,
    item: null,
    all: false,
  };
  const keys = new Map(); // by column, those of `items`
  const heads = columns.map(headOf);
  const body = el("tbody", { role: "rowgroup" });
  const head = el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads));
  const node = el("table", { id, role: "grid", "aria-label": label, class: "listing" }, head, body);
  const pager = el("span", { class: "pager" });

  function headOf(column) {
    const sorter = button(
      { onclick: () => sortBy(column), title: column.hint },
      el("span", {}, column.name),
      el("span", { class: "arrow", "aria-hidden": "true" }),
    );
    const content = column.sort ? sorter : column.name;
    const attributes = { class: column.kind, "data-label": column.name };
    return el("th", { role: "columnheader", scope: "col", ...attributes }, content);
  }

  // --- Order ------------------------------------------------------------------------------------

  function sort() {
    const { column, down, items } = state;
    if (!column) {
      state.sorted = items;
      return;
    }
    if (!keys.has(column))
      keys.set(
        column,
        items.map((item) => column.sort(item) ?? null),
      );
    const known = keys.get(column);
    const way = down ? -1 : 1;
    const order = items.map((_, i) => i);
    order.sort((i, j) => {
      const [a, b] = [known[i], known[j]];
      if (a === b) return i - j;
      if (a === null || b === null) return a === null ? 1 : -1;
      return a < b ? -way : way;
    });
    state.sorted = order.map((i) => items[i]);
  }

  function sortBy(column) {
    const isSame = state.column === column;
    state.down = isSame ? !state.down : column.first === "down";
    state.column = column;
    state.page = 0;
    sort();
    drawHeads();
    draw();
  }

  function drawHeads() {
    columns.forEach((column, i) => {
      const isSorted = column === state.column;
      const arrow = heads[i].querySelector(".arrow");
      if (arrow) arrow.textContent = isSorted ? (state.down ? "▾" : "▴") : "";
      if (isSorted) heads[i].setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else heads[i].removeAttribute("aria-sort");
    });
  }

  // --- Rows -------------------------------------------------------------------------------------

  const pageOf = (item) => Math.floor(state.sorted.indexOf(item) / PAGE);
  const onPage = () =>
    state.all ? state.sorted : state.sorted.slice(state.page * PAGE, (state.page + 1) * PAGE);
  const rowOf = (item) => [...body.rows].find((row) => row.dataset.id === idOf(item));

  function cellOf(column, item) {
    const attributes = {
      role: "gridcell",
      class: column.kind,
      "data-label": column.name,
      title: column.full ? visible(column.full(item)) : null,
    };
    return el("td", attributes, spaced(column.cell(item)));
  }

  function makeRow(item) {
    const isChosen = item === state.item;
    return el(
      "tr",
      {
        role: "row",
        class: "row " + classOf(item),
        tabindex: isChosen ? 0 : -1,
        "aria-selected": String(isChosen),
        "data-id": idOf(item),
        // A click that ends a selection of text is not meant for the row.
        onclick: () => {
          if (String(getSelection())) return;
          choose(item);
          open(item, false);
        },
      },
      columns.map((column) => cellOf(column, item)),
    );
  }

  function draw() {
    const hadFocus = body.contains(document.activeElement);
    body.replaceChildren(...onPage().map(makeRow));
    if (state.item && !rowOf(state.item) && body.rows.length) body.rows[0].tabIndex = 0;
    drawPager();
    if (hadFocus) focus();
  }

  function drawPager() {
    const count = state.sorted.length;
    const first = state.page * PAGE;
    const turn = (name, step, isPossible) =>
      button(
        {
          "data-focus": name,
          disabled: isPossible ? null : "",
          onclick: () => {
            state.page += step;
            draw();
            node.parentElement.scrollTop = 0;
          },
        },
        name,
      );
    const last = Math.min(first + PAGE, count);
    const range = `${whole(first + 1)} to ${whole(last)}`;
    const content = [turn("previous", -1, first > 0), range, turn("next", 1, last < count)];
    refill(pager, count > PAGE ? content : [], node);
  }

  function reveal() {
    const row = state.item && rowOf(state.item);
    if (row) row.scrollIntoView({ block: "nearest" });
  }

  function focus() {
    const row = (state.item && rowOf(state.item)) || body.rows[0];
    if (row) row.focus();
  }

  // --- What others call -------------------------------------------------------------------------

  function show(items) {
    state.items = items;
    keys.clear();
    sort();
    const last = Math.max(0, Math.ceil(items.length / PAGE) - 1);
    const isSame = (item) => state.item && idOf(item) === idOf(state.item);
    state.item = state.sorted.find(isSame) || state.sorted[0] || null;
    state.page = state.item ? Math.max(0, pageOf(state.item)) : Math.min(state.page, last);
    draw();
    chosen(state.item);
  }

  function choose(item) {
    if (!state.sorted.includes(item)) return;
    const before = state.item && rowOf(state.item);
    state.item = item;
    if (pageOf(item) !== state.page) {
      state.page = pageOf(item);
      draw();
    } else {
      if (before) Object.assign(before, { tabIndex: -1, ariaSelected: "false" });
      for (const row of body.rows) if (row.tabIndex === 0) row.tabIndex = -1;
      Object.assign(rowOf(item), { tabIndex: 0, ariaSelected: "true" });
    }
    chosen(item);
  }

  // Tells whether there is such a row.
  function move(step) {
    const item = state.sorted[state.sorted.indexOf(state.item) + step];
    if (!item) return false;
    choose(item);
    focus();
    return true;
  }

  function refresh(item) {
    keys.clear();
    // The row itself stays: the focus may be on its way to it.
    rowOf(item)?.replaceChildren(...columns.map((column) => cellOf(column, item)));
  }

  // Paper has all rows.
  function printing(isPrinting) {
    if (state.all === isPrinting) return;
    state.all = isPrinting;
    draw();
  }

  const current = () => state.item;
  const sorted = () => state.sorted;
  return {
    node,
    pager,
    show,
    choose,
    move,
    refresh,
    printing,
    focus,
    reveal,
    current,
    sorted,
    open,
  };
}
