import { Menu, MenuItem } from '../ui/Menu'
import { chosenWay, WAYS, type Way } from './way'

/** Chooses how a message reaches an agent that is at work. */
export function WayMenu(props: { way: Way; steers: boolean }) {
  return (
    <Menu label={`${WAYS[props.way].title} ▾`} className="button bare small">
      {(Object.keys(WAYS) as Way[]).map(name => {
        const impossible = name === 'steer' && !props.steers
        return (
          <MenuItem key={name} disabled={impossible} onChoose={() => chosenWay.set(name)}>
            <span>
              <b>{WAYS[name].title}</b>
              <br />
              <span className="dim">{impossible ? 'This agent cannot be steered' : WAYS[name].does}</span>
            </span>
          </MenuItem>
        )
      })}
    </Menu>
  )
}
