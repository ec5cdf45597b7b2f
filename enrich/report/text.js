"use strict";
// First part of the report's script: text of the logs. Anyone who sends packets can write it, so it
// is put on the page as text nodes, attributes and SVG titles only, never as markup, and what
// cannot be seen is spelled out. render.py joins the parts.

const LONGEST = 300; // characters shown of one value
const MOST_MARKS = 3; // on one letter, as Hebrew and Thai need; more would cover other lines

const PLAIN = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
// Control, direction, private and unassigned characters; what fonts ignore; letters and signs that
// look blank; spaces that are not one.
const UNSEEN =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]|(?! )\p{Zs}/u;
const MARK = /\p{M}/u;

const spelled = (character) => "\\u{" + character.codePointAt(0).toString(16) + "}";

// So that no value poses as another one, or as nothing.
function visible(value) {
  if (value === null || value === undefined || value === "") return "–";
  const text = String(value);
  if (PLAIN.test(text) && text.length <= LONGEST) return text;
  const characters = Array.from(text.slice(0, 2 * LONGEST));
  const isLong = characters.length > LONGEST || text.length > 2 * LONGEST;
  if (isLong) characters.length = LONGEST - 1;
  let shown = "";
  let marks = MOST_MARKS; // a mark needs a letter before it
  characters.forEach((character, i) => {
    const isMark = MARK.test(character);
    marks = isMark ? marks + 1 : 0;
    const next = characters[i + 1];
    const isStray = character === " " && (i === 0 || next === undefined || next === " ");
    if (UNSEEN.test(character) || marks > MOST_MARKS || isStray) {
      shown += spelled(character);
      marks = MOST_MARKS;
    } else {
      shown += character;
      if (character === " ") marks = MOST_MARKS;
    }
  });
  return isLong ? shown + "…" : shown;
}

function shortened(value, length) {
  const characters = Array.from(visible(value));
  return characters.length > length
    ? characters.slice(0, length - 1).join("") + "…"
    : characters.join("");
}
