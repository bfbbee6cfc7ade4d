package ibmsim

import (
	"fmt"
	"slices"
	"time"
)

// ownership is one identity's time as owner of the account.
type ownership struct {
	span
	iam string
}

// owner is the present owner's IAM ID.
func (w *world) owner() string { return w.owners[len(w.owners)-1].iam }

// owned tells whether an identity owned the account at t.
func (w *world) owned(iam string, t time.Time) bool {
	return slices.ContainsFunc(w.owners, func(o ownership) bool { return o.iam == iam && o.holds(t) })
}

// TransferOwnership does what IBM's support does on request: it makes a member the account's owner and takes the
// previous owner out of the account in the same moment, API keys and all (trap 57). No API of IBM's does it.
func (c *Cloud) TransferOwnership(email string) error {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.transfer(email)
}

// scheduleTransfer arms the transfer of the account file.
func (w *world) scheduleTransfer() {
	t := w.account.Transfer
	if t == nil {
		return
	}
	w.clock.AfterFunc(t.After.Std(), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err := w.transfer(t.To); err != nil {
			w.happened(accountsAPI.name, "sim.account-owner.failed", t.To, "error", err.Error())
		}
	})
}

func (w *world) transfer(email string) error {
	next := w.current(email)
	if next == nil || next.state != stateActive {
		return fmt.Errorf("transfer the account: %s is not an active member", email)
	}
	before := w.byIAM[w.owner()]
	if next == before {
		return fmt.Errorf("transfer the account: %s owns it already", email)
	}
	now := w.clock.Now()
	w.owners[len(w.owners)-1].to = now
	w.owners = append(w.owners, ownership{span: span{from: now}, iam: next.iam})
	keys := w.remove(before, now)
	w.happened(accountsAPI.name, "sim.account-owner.transferred", next.email, "previous_owner", before.email)
	w.happened(usersAPI.name, "user-management.user.delete", before.email, "iam_id", before.iam, "outcome", "success", "keys", keys)
	return nil
}
