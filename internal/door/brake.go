package door

import (
	"time"

	"go.uber.org/zap"
)

// brakeState is what GET /brake shows.
type brakeState struct {
	On     bool         `json:"on"`     // something is held, and whatever else is asked for is held too
	Starts int          `json:"starts"` // counted within the window
	Limit  int          `json:"limit"`
	Window string       `json:"window"`
	Held   []heldPerson `json:"held"` // the oldest first
}

type heldPerson struct {
	User    string    `json:"user"`
	Source  string    `json:"source"`
	Event   string    `json:"event"`
	Since   time.Time `json:"since"`
	LastDay time.Time `json:"lastDay,omitzero"`
	Reason  string    `json:"reason,omitempty"`
	Ticket  string    `json:"ticket,omitempty"`
}

// brakeReleased is what releasing and discarding answer.
type brakeReleased struct {
	Released  int    `json:"released"`
	Discarded int    `json:"discarded"`
	By        string `json:"by"`
}

func (d *Door) showBrake(c *call) (any, error) {
	if _, err := d.operator(c); err != nil {
		return nil, err
	}
	held, starts, err := d.store.brake(d.config.Brake, d.now())
	if err != nil {
		return nil, err
	}
	state := brakeState{On: len(held) > 0, Starts: starts, Limit: d.config.Brake.Starts, Window: d.config.Brake.Window.String(), Held: []heldPerson{}}
	for _, h := range held {
		state.Held = append(state.Held, heldPerson{User: h.Event.User, Source: h.Event.Source, Event: h.Event.ID, Since: h.Since,
			LastDay: h.Event.LastDay, Reason: h.Event.Reason, Ticket: h.Event.Ticket})
	}
	return state, nil
}

// releaseBrake lets everything go that is held. It is answered when that is on the disk; the runs start right after, and
// after a crash too.
func (d *Door) releaseBrake(c *call) (any, error) { return d.letGo(c, true) }

// discardBrake forgets everything that is held: it was asked for by mistake.
func (d *Door) discardBrake(c *call) (any, error) { return d.letGo(c, false) }

func (d *Door) letGo(c *call, apply bool) (any, error) {
	who, err := d.operator(c)
	if err != nil {
		return nil, err
	}
	list, err := d.store.release(who.Email, apply, d.now())
	if err != nil {
		return nil, err
	}
	text := "the mass brake was released: these offboardings start now"
	answer := brakeReleased{By: who.Email, Released: len(list)}
	if !apply {
		text = "what the mass brake held was discarded: these offboardings do not start"
		answer = brakeReleased{By: who.Email, Discarded: len(list)}
	}
	users := make([]string, len(list))
	for i, h := range list {
		users[i] = h.Event.User
		c.line.events = append(c.line.events, h.Event.ID)
	}
	d.logger.Warn(text, zap.String("by", who.Email), zap.String("operator", who.Name), zap.Strings("users", users))
	d.stir()
	return answer, nil
}
