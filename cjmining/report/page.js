/* What the page can do beyond being read: switch persona and stage, follow links to what is folded away, sort,
   filter, copy and save tables, tell what a mark in a figure means, and hand out pictures for slides.
   Without it everything is there, one below the other. Nothing is loaded, nothing is sent, nothing is stored. */
(() => {
  "use strict";

  const byId = id => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, given = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), given);
    made.append(...inside);
    return made;
  };
  const say = text => { byId("said").textContent = text; };

  // The address: #persona=gen-z&stage=checkout&to=stages-1, or a plain #stages-1 --------------------------------

  const panels = all(".panel");
  const form = byId("switch");
  const { persona, stage, chosen } = Object.fromEntries(["persona", "stage", "chosen"].map(id => [id, byId(id)]));
  const offers = (select, value) => Boolean(select) && [...select.options].some(option => option.value === value);

  function readAddress() {
    const hash = location.hash.slice(1);
    if (!/^(persona|stage|to)=/.test(hash)) return { persona: "", stage: "", to: decoded(hash) };
    const given = new URLSearchParams(hash);
    return Object.fromEntries(["persona", "stage", "to"].map(key => [key, given.get(key) ?? ""]));
  }

  function decoded(text) {
    try { return decodeURIComponent(text); } catch { return text; }
  }

  function addressOf(state) {
    const parts = ["persona", "stage", "to"].filter(key => state[key]);
    if (parts.length === 1 && state.to) return `#${encodeURIComponent(state.to)}`;
    return `#${parts.map(key => `${key}=${encodeURIComponent(state[key])}`).join("&")}`;
  }

  function remember(state) {
    const address = addressOf(state);
    if (address !== (location.hash || "#")) history.pushState(null, "", address);
  }

  function restore() {
    const state = readAddress();
    show({ persona: offers(persona, state.persona) ? state.persona : "", stage: offers(stage, state.stage) ? state.stage : "" });
    if (state.to) arrive(byId(state.to));
  }

  // The switches -------------------------------------------------------------------------------------------------

  const current = () => ({ persona: persona?.value ?? "", stage: stage.value });

  function show(state) {
    if (persona) persona.value = state.persona;
    stage.value = state.stage;
    for (const select of [persona, stage]) select?.classList.toggle("chosen", select.value !== "");
    for (const panel of panels) panel.hidden = panel.dataset.group !== state.persona;
    raiseMap();
    raiseEnds();
    stepBack(state);
    tellPrinted(state);
    tables.forEach(refill);
  }

  /* The journey map of who is chosen stands at the top, the others among the rest of theirs. */
  function raiseMap() {
    const top = byId("map");
    const wanted = byId(`figure-map-${panels.findIndex(panel => !panel.hidden)}`);
    const there = top?.firstElementChild;
    if (!there || !wanted || there === wanted) return;
    panels[there.id.split("-").at(-1)].querySelector(".home").append(there);
    top.append(wanted);
  }

  /* So do the numbers of how their journeys ended, under the title. */
  function raiseEnds() {
    const top = byId("ends");
    const there = top.firstElementChild;
    if (!there) return;
    there.home ??= panels[0].querySelector(".home");
    const panel = panels.find(each => !each.hidden);
    const wanted = panel.querySelector(".home > .ends");
    if (!wanted) return;
    wanted.home = panel.querySelector(".home");
    there.home.prepend(there);
    top.append(wanted);
  }

  /* Findings about another stage go; those about another persona stay, in the background; marks alike. */
  function stepBack(state) {
    const findings = all("#findings .findings > [data-kind]");
    const elsewhere = about => Boolean(state.stage && about.stage && about.stage !== state.stage);
    const other = about => Boolean(state.persona && about.group && about.group !== state.persona);
    for (const finding of findings) {
      finding.hidden = elsewhere(finding.dataset);
      finding.classList.toggle("aside", other(finding.dataset));
    }
    for (const fold of all(".each")) fold.open = Boolean(state.persona);
    for (const chapter of all("#findings .chapter")) {
      const inside = all(".findings > [data-kind]", chapter);
      chapter.hidden = inside.length > 0 && inside.every(finding => finding.hidden);
    }
    const name = stage.selectedOptions[0].text;
    for (const mark of all(".drawing [data-stage]")) mark.classList.toggle("aside", Boolean(state.stage) && mark.dataset.stage !== name);
    const gone = findings.filter(finding => finding.hidden).length;
    const back = findings.filter(finding => !finding.hidden && finding.classList.contains("aside")).length;
    const { whose, at } = inWords(state);
    const about = [state.persona && `${whose} or everyone`, state.stage && `${at} or no single stage`].filter(Boolean).join(" and ");
    const said = [`Shown: ${counted(findings.length - gone - back)} about ${about}.`];
    if (back) said.push(`In grey: ${counted(back)} about others.`);
    if (gone) said.push(`Hidden: ${counted(gone)} about other stages.`);
    chosen.textContent = about ? said.join(" ") : "";
    document.documentElement.classList.toggle("one", Boolean(state.persona));
  }

  const counted = number => `${number} finding${number === 1 ? "" : "s"}`;
  const inWords = state => ({
    whose: state.persona ? persona.selectedOptions[0].text : "Everyone",
    at: state.stage ? stage.selectedOptions[0].text : "all stages",
  });

  /* What is printed is what is shown. */
  function tellPrinted(state) {
    const { whose, at } = inWords(state);
    const others = persona ? "another persona or stage" : "another stage";
    byId("printed").textContent = `Printed: ${whose}, ${at}. To print ${others}, choose it at the top of the page and print again; what is folded is printed once it is opened.`;
  }

  /* Change what is shown without moving what is being read: the same table of the other persona takes its place. */
  function choose(state) {
    const anchor = beingRead();
    show(state);
    remember(state);
    const twin = anchor && byId(anchor.id.replace(/-\d+$/, `-${panels.findIndex(panel => !panel.hidden)}`));
    if (twin) scrollBy({ top: twin.getBoundingClientRect().top - anchor.top, behavior: "instant" });
  }

  function beingRead() {
    const panel = panels.find(each => !each.hidden);
    const inView = all("[id]", panel).find(each => each.getBoundingClientRect().bottom > 80 && /-\d+$/.test(each.id));
    if (!inView || panel.getBoundingClientRect().top > 80) return null;
    return { id: inView.id, top: inView.getBoundingClientRect().top };
  }

  // Links within the page ----------------------------------------------------------------------------------------

  function follow(link) {
    const target = byId(decoded(link.hash.slice(1)));
    if (!target) return;
    const state = { ...current(), ...personaOf(target, link) };
    show(state);
    remember({ ...state, to: target.id });
    const row = link.classList.contains("evidence") && rowFor(target, link);
    arrive(row || target);
  }

  /* The persona whose panel holds the target; a link to what everyone's panel lacks keeps the one chosen. */
  function personaOf(target, link) {
    const panel = target.closest(".panel");
    if (panel) return { persona: panel.dataset.group };
    return offers(persona, link.dataset.group) ? { persona: link.dataset.group } : {};
  }

  /* The one row of a table that a finding rests on, where its row says the same as the link. */
  function rowFor(table, link) {
    const asked = Object.entries(link.dataset);
    const rows = all("tbody tr", table).map(row => [asked.filter(([key, value]) => row.dataset[key] === value).length, row]);
    const [most, row] = rows.sort(([one], [other]) => other - one)[0] ?? [0];
    return most ? row : null;
  }

  /* Open whatever hides a place, go there and point at it. */
  function arrive(place) {
    if (!place) return;
    const panel = place.closest(".panel");
    if (panel?.hidden) show({ ...current(), persona: panel.dataset.group });
    if (place.closest("[hidden]")) show({ ...current(), stage: "" });
    const table = tables.get(place.closest("table"));
    if (place.matches("tr") && place.hidden && table) { table.search.value = ""; refill(table); }
    for (let each = place.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
    const row = place.matches("tr");
    (row ? place : place.closest(".table") ?? place).scrollIntoView({ block: row ? "center" : "start" });
    point(place);
  }

  function point(place) {
    if (place.matches("section, .panel")) return focusOn(place.querySelector("h2, h3"));
    const shown = place.matches("table") ? place.closest(".table") : place.querySelector(":scope > .drawing") ?? place;
    shown.classList.remove("flash");
    void shown.getBoundingClientRect();
    shown.classList.add("flash");
    setTimeout(() => shown.classList.remove("flash"), 3000);
    focusOn(place.closest(".scroll") ?? shown);
  }

  function focusOn(place) {
    if (!place.matches("[tabindex], a, button")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  }

  // Tables -------------------------------------------------------------------------------------------------------

  const tables = new Map();
  const LONG = 8;

  function equip(table) {
    const body = table.tBodies[0];
    const about = {
      table, body, rows: [...body.rows],
      search: make("input", { type: "search", placeholder: "Filter rows" }),
      count: make("output"),
    };
    about.search.setAttribute("aria-label", `Filter rows: ${table.caption.textContent}`);
    about.search.addEventListener("input", () => refill(about));
    const copied = make("button", { type: "button", textContent: "Copy", onclick: () => copy(about) });
    const saved = make("button", { type: "button", textContent: "Save CSV", onclick: () => saveTable(about) });
    for (const button of [copied, saved]) button.setAttribute("aria-label", `${button.textContent}: ${table.caption.textContent}`);
    const tools = make("div", { className: "tools" }, about.count, ...about.rows.length > LONG ? [about.search] : [], copied, saved);
    table.closest(".scroll").before(tools);
    for (const [place, head] of [...table.tHead.rows[0].cells].entries()) offerSorting(about, head, place);
    tables.set(table, about);
  }

  function offerSorting(about, head, place) {
    if (about.rows.length < 2 || !about.rows.some(row => row.cells[place]?.textContent.trim())) return;
    const button = make("button", { type: "button" });
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(about, head, place));
    head.append(button);
  }

  /* Up, down, and at the third time as the page came. */
  function sortBy(about, head, place) {
    const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
    for (const other of about.table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (next) head.setAttribute("aria-sort", next);
    const turn = next === "descending" ? -1 : 1;
    const keyed = about.rows.map(row => [keyOf(about.table, row.cells[place], place), row]);
    if (next) keyed.sort(([one], [other]) => compare(one, other, turn));
    about.body.append(...keyed.map(([, row]) => row));
    say(next ? `Sorted by ${head.textContent}, ${next}` : "In the order of the page");
  }

  /* What is missing comes last either way. */
  function compare(one, other, turn) {
    const missing = key => key === null || key === "" || key === "-";
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    if (typeof one === "number" && typeof other === "number") return turn * (one - other);
    return turn * String(one).localeCompare(String(other), "en", { numeric: true });
  }

  function keyOf(table, cell, place) {
    const value = valueOf(table, cell, place);
    if (value !== null) return value;
    const text = cell.textContent.trim();
    const date = /^\d{1,2} [A-Z][a-z]+ \d{4}/.test(text) ? Date.parse(text.replace(",", "")) : NaN;
    return Number.isNaN(date) ? text : date;
  }

  /* The number behind a cell: given, or its text where that is a whole number; null where there is none. */
  function valueOf(table, cell, place) {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    const numeric = table.classList.contains(`n${place + 1}`) && /^-?\d[\d,]*$/.test(text);
    return numeric ? Number(text.replaceAll(",", "")) : null;
  }

  /* Show the rows about the chosen stage that hold what is searched for, and tell how many those are. */
  function refill(about) {
    const sought = about.search.value.trim().toLowerCase();
    const { stage: at, persona: whose } = current();
    for (const row of about.rows) {
      const elsewhere = at && row.dataset.stage && row.dataset.stage !== at;
      row.hidden = Boolean(elsewhere) || !row.textContent.toLowerCase().includes(sought);
      row.classList.toggle("mine", Boolean(whose && row.dataset.group === whose));
    }
    const left = about.rows.filter(row => !row.hidden).length;
    const said = left < about.rows.length || sought ? `${left} of ${about.rows.length} rows` : "";
    if (about.count.textContent !== said) about.count.textContent = said;
  }

  // Copies and files ---------------------------------------------------------------------------------------------

  const shownRows = about => [...about.body.rows].filter(row => !row.hidden).concat(about.table.tFoot ? [...about.table.tFoot.rows] : []);
  const textOf = cell => (cell.textContent.trim() || (cell.querySelector("svg")?.getAttribute("aria-label") ?? "")).replace(/\s+/g, " ");

  /* A spreadsheet would run what begins like this; an apostrophe makes it text. */
  const harmless = text => /^[=+@\t\r]|^-(?![\d.,]*$)/.test(text) ? `'${text}` : text;

  async function copy(about) {
    const heads = [...about.table.tHead.rows[0].cells].map(textOf);
    const lines = [heads, ...shownRows(about).map(row => [...row.cells].map(textOf))];
    const text = lines.map(line => line.map(harmless).join("\t")).join("\n");
    try { await navigator.clipboard.writeText(text); } catch { copyByHand(text); }
    say(`Copied ${lines.length - 1} rows`);
    about.count.textContent = "Copied";
    setTimeout(() => refill(about), 2000);
  }

  function copyByHand(text) {
    const field = make("textarea", { value: text, className: "unseen" });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }

  /* A column of numbers is saved as numbers; where its text says more (limits, how many), that stands beside it. */
  function saveTable(about) {
    const rows = shownRows(about);
    const columns = [...about.table.tHead.rows[0].cells].flatMap((head, place) => {
      const cells = rows.map(row => row.cells[place]);
      const values = cells.map(cell => valueOf(about.table, cell, place));
      const texts = [textOf(head), ...cells.map(textOf).map(harmless)];
      if (values.every(value => value === null)) return [texts];
      const numbers = [texts[0], ...values.map((value, row) => value ?? texts[row + 1])];
      const says = cells.some((cell, row) => values[row] !== null && /\(| of |\d\s*-\s*\d/.test(cell.textContent));
      return says ? [numbers, [`${texts[0]}, as shown`, ...texts.slice(1)]] : [numbers];
    });
    const lines = columns[0].map((_, line) => columns.map(column => quoted(column[line])).join(","));
    save(`${about.table.id}.csv`, new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv;charset=utf-8" }));
  }

  const quoted = value => typeof value === "number" ? String(value) : `"${harmless(value).replaceAll('"', '""')}"`;

  function save(name, blob) {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // Figures: what a mark means -----------------------------------------------------------------------------------

  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true");

  /* Titles would show by themselves as well: they are taken off the drawing when it is first looked at. */
  function marksOf(drawing) {
    if (!drawing.marks) {
      drawing.marks = all("[data-mark]", drawing).filter(mark => mark.querySelector(":scope > title"));
      for (const mark of drawing.marks) {
        const title = mark.querySelector(":scope > title");
        mark.dataset.tip = title.textContent;
        title.remove();
      }
    }
    return drawing.marks;
  }

  function markAt(element) {
    const drawing = element.closest?.(".drawing");
    const number = element.closest?.("[data-mark]")?.dataset.mark;
    return drawing && number ? marksOf(drawing).find(mark => mark.dataset.mark === number) : null;
  }

  function showTip(mark, x, y) {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${y + height + 24 > innerHeight ? y - height - 12 : y + 16}px`;
  }

  function hideTip() {
    tip.hidden = true;
    for (const mark of all("[data-mark].on")) mark.classList.remove("on");
  }

  function step(event) {
    const drawing = event.target;
    const marks = marksOf(drawing);
    const at = marks.findIndex(mark => mark.classList.contains("on"));
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: marks.length - 1 }[event.key];
    if (to === undefined || !marks.length) return;
    event.preventDefault();
    hideTip();
    const mark = marks.at(to < -1 ? -1 : to % marks.length);
    mark.classList.add("on");
    mark.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const box = mark.getBoundingClientRect();
    showTip(mark, box.left + box.width / 2, box.top + box.height / 2);
    say(mark.dataset.tip);
  }

  // Pictures for slides ------------------------------------------------------------------------------------------

  const dialog = byId("slide");

  function offerPicture(template) {
    const button = make("button", { type: "button", textContent: "Slide" });
    button.setAttribute("aria-label", "Slide of this finding");
    button.addEventListener("click", () => {
      const finding = button.closest("li");
      dialog.querySelector(".slide").replaceChildren(template.content.cloneNode(true));
      dialog.querySelector(".slide svg").setAttribute("aria-label", finding.querySelector("p").innerText);
      dialog.dataset.of = finding.id.replaceAll(".", "-");
      dialog.showModal();
    });
    template.replaceWith(button);
  }

  async function savePicture(kind) {
    const shown = dialog.querySelector("svg");
    const used = new Set(all("[class]", shown).map(mark => mark.getAttribute("class")));
    const looks = document.querySelector("style").textContent.split("\n").filter(rule => used.has(rule.match(/^\.(k\d+)\{/)?.[1]));
    const text = new XMLSerializer().serializeToString(shown).replace(">", `><style>${looks.join("")}</style>`);
    const drawn = new Blob([text], { type: "image/svg+xml" });
    save(`${dialog.dataset.of}.${kind}`, kind === "svg" ? drawn : await painted(drawn));
  }

  /* Twice 1280 x 720, so that it stays sharp on a large screen. */
  async function painted(drawn) {
    const address = URL.createObjectURL(drawn);
    const picture = make("img", { src: address });
    await picture.decode();
    const canvas = make("canvas", { width: 2560, height: 1440 });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    return new Promise(done => canvas.toBlob(done, "image/png"));
  }

  // Print --------------------------------------------------------------------------------------------------------

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all(".ways details:not([open])");
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of folded) each.open = false; });

  // All of it together -------------------------------------------------------------------------------------------

  function listen() {
    form.addEventListener("change", () => choose(current()));
    form.addEventListener("reset", event => { event.preventDefault(); choose({ persona: "", stage: "" }); stage.focus(); });
    form.addEventListener("submit", event => event.preventDefault());
    dialog.addEventListener("click", event => {
      if (event.target.value === "close" || event.target === dialog) dialog.close();
      else if (event.target.value) savePicture(event.target.value);
    });
    document.addEventListener("click", event => {
      const link = event.target.closest('a[href^="#"]');
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      follow(link);
    });
    addEventListener("popstate", restore);
    document.addEventListener("pointermove", event => {
      const mark = markAt(event.target);
      if (mark) showTip(mark, event.clientX, event.clientY);
      else if (!tip.hidden) hideTip();
    });
    document.addEventListener("keydown", event => {
      if (event.key === "Escape") hideTip();
      else if (event.target.matches(".drawing")) step(event);
    });
    document.addEventListener("focusout", hideTip);
  }

  function followAlong() {
    const links = new Map(all(".strip nav a").map(link => [byId(link.hash.slice(1)), link]));
    const watch = new IntersectionObserver(seen => {
      for (const { target, isIntersecting } of seen) {
        if (isIntersecting) links.get(target).setAttribute("aria-current", "true");
        else links.get(target).removeAttribute("aria-current");
      }
    }, { rootMargin: "-30% 0px -69% 0px" });
    for (const part of links.keys()) watch.observe(part);
  }

  document.documentElement.classList.add("js");
  document.querySelector("main").append(tip);
  for (const drawing of all(".drawing")) drawing.setAttribute("aria-describedby", "keys");
  all("table").forEach(equip);
  all(".ways > template").forEach(offerPicture);
  form.hidden = false;
  listen();
  followAlong();
  restore();
})();
