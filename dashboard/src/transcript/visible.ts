/** Characters that cannot be seen, or that change the order in which others are: what is asked must be what is read. */
const UNSEEN =
  /[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/gu
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** The text with a mark in the place of each character that nobody would see. */
export function visible(text: string): string {
  const mark = (character: string) =>
    `⟨U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}⟩`
  return text.replace(UNSEEN, mark).replace(CONTROLS, mark)
}
