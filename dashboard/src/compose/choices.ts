import type { HarnessAbout, SkillInfo } from '../api/schema'

/** Something that a message beginning with `/` can do. */
export interface SlashCommand {
  /** What is written after the slash. */
  name: string
  /** What it does. */
  title: string
  run: () => void
  /** Text that then stands in the place of the command; none empties the message. */
  text?: string
}

/** How the next turns can be made to work, as commands. */
export function workCommands(
  about: HarnessAbout | undefined,
  set: (change: {
    model?: string | null
    effort?: string | null
    mode?: 'act' | 'plan'
    approvals?: 'ask' | 'bypass'
  }) => void,
): SlashCommand[] {
  if (!about) return []
  const one = (name: string, title: string, run: () => void) => ({ name, title, run })
  return [
    ...(about.planning
      ? [
          one('plan', 'Say how it would be done, and change nothing', () => set({ mode: 'plan' })),
          one('act', 'Do it, and not only plan it', () => set({ mode: 'act' })),
        ]
      : []),
    ...(about.chooses_model
      ? [
          ...about.models.map(model => one(`model ${model}`, 'Use this model', () => set({ model }))),
          one('model default', 'Leave the model to the agent', () => set({ model: null })),
        ]
      : []),
    ...(about.efforts.length > 0
      ? [
          ...about.efforts.map(effort =>
            one(`effort ${effort}`, 'How hard it thinks', () => set({ effort })),
          ),
          one('effort default', 'Leave it to the agent how hard it thinks', () => set({ effort: null })),
        ]
      : []),
    ...(about.approvals
      ? [
          one('approvals ask', 'Ask before harm', () => set({ approvals: 'ask' })),
          one('approvals bypass', 'Ask for nothing', () => set({ approvals: 'bypass' })),
        ]
      : []),
  ]
}

/** The skills that an agent of a workspace has, as commands that ask for one. */
export function skillCommands(
  all: readonly SkillInfo[],
  names: readonly string[] | undefined,
): SlashCommand[] {
  return all
    .filter(({ name }) => names?.includes(name))
    .map(({ name, description }) => ({
      name,
      title: description,
      run: () => {},
      text: `Use the skill ${name}: `,
    }))
}
