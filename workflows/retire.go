package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// parallelKeys bounds the keys that are changed at the same time; a user has at most a few dozen.
const parallelKeys = 5

// disable disables every key that is to be retired, after it is sure that no cluster needs one of them. The first thing
// registered is how to enable it again.
func (r *run) disable(ctx workflow.Context) error {
	r.enter(ctx, offboard.PhaseDisable)
	if err := r.unforeseen(ctx); err != nil {
		return err
	}
	return firstOf(each(ctx, parallelKeys, r.state.Keys, "disable", func(ctx workflow.Context, i int, k offboard.KeyProgress) error {
		if k.State != offboard.KeyActive {
			return nil
		}
		return r.disableKey(ctx, i)
	}))
}

func (r *run) disableKey(ctx workflow.Context, i int) error {
	k := &r.state.Keys[i]
	undoable := false // locking it again is registered
	means := "Nothing is broken: every scope that was handed over runs on its new key, and this key is still alive."
	err := r.persist(ctx, "key "+k.ID, "disable key "+k.Name, means, "tries again", "leaves this key alive; the user is then not removed", func(ctx workflow.Context) error {
		if r.state.Plan.Keys[i].Unlock && !k.Unlocked {
			if !undoable {
				undoable = true
				r.onUndo("lock key "+k.ID, func(ctx workflow.Context) error { return r.lockKey(ctx, k) })
			}
			if _, err := do(ctx, changing.within(r.policy), "Unlock key "+k.Name, verbs.UnlockKey, activities.KeyInput{ID: k.ID}); err != nil {
				return err
			}
			k.Unlocked = true
			r.change(ctx, "Unlocked key "+k.Name, k.ID, "iam-identity.user-apikey.update")
		}
		if !k.Disabled {
			k.Disabled = true // an undo enables it, even if it is not known whether this was done
			r.onUndo("enable key "+k.ID, func(ctx workflow.Context) error { return r.enableKey(ctx, k) })
		}
		got, err := do(ctx, changing.within(r.policy), "Disable key "+k.Name+" "+k.ID, verbs.DisableKey, activities.KeyInput{ID: k.ID})
		switch {
		case err != nil:
			return err
		case got.Gone:
			k.State, k.Disabled = offboard.KeyDeleted, false
			return nil
		case got.Already:
			k.Disabled = false // somebody else's doing, which an undo leaves alone
		default:
			r.change(ctx, "Disabled key "+k.Name, k.ID, "iam-identity.user-apikey.update")
		}
		k.State, k.DisabledAt = offboard.KeyDisabled, workflow.Now(ctx)
		r.state.DisabledAt = k.DisabledAt
		return nil
	})
	if err == errSkipped {
		if err := r.enableKey(ctx, k); err != nil {
			return err
		}
		k.State = offboard.KeyKept
		if undoable {
			return r.lockKey(ctx, k)
		}
		return nil
	}
	r.show(ctx)
	return err
}

// enableKey enables a key that this run disabled; any other it leaves alone.
func (r *run) enableKey(ctx workflow.Context, k *offboard.KeyProgress) error {
	if !k.Disabled {
		return nil
	}
	got, err := do(ctx, undoing, "Enable key "+k.Name+" "+k.ID, verbs.EnableKey, activities.KeyInput{ID: k.ID})
	if err != nil {
		return err
	}
	k.Disabled = false
	if got.Gone {
		k.State = offboard.KeyDeleted
		return nil
	}
	if k.State == offboard.KeyDisabled {
		k.State = offboard.KeyActive
	}
	r.change(ctx, "Enabled key "+k.Name, k.ID, "iam-identity.user-apikey.update")
	return nil
}

// lockKey locks a key again that this run unlocked, or may have.
func (r *run) lockKey(ctx workflow.Context, k *offboard.KeyProgress) error {
	got, err := do(ctx, undoing, "Lock key "+k.Name+" again", verbs.LockKey, activities.KeyInput{ID: k.ID})
	if err == nil && !got.Gone {
		r.change(ctx, "Locked key "+k.Name+" again", k.ID, "iam-identity.user-apikey.update")
	}
	return err
}

// unforeseen looks for keys of the leaver that the plan does not know, and for scopes that became theirs since: those
// would die with the rest. A person decides.
func (r *run) unforeseen(ctx workflow.Context) error {
	accepted := map[string]bool{}
	for {
		got, err := do(ctx, reading, "Look for new keys of "+r.state.Leaver.Email, verbs.SurveyKeys, activities.SurveyKeysInput{Leaver: r.state.Leaver})
		if err != nil && stopped(err) {
			return err
		}
		var news []string
		for _, k := range got.Keys {
			known := accepted[k.ID] || slices.ContainsFunc(r.state.Keys, func(have offboard.KeyProgress) bool { return have.ID == k.ID })
			if known {
				continue
			}
			news = append(news, fmt.Sprintf("key %s (%s, %s)", k.Name, k.ID, k.Description))
			accepted[k.ID] = true
		}
		if err == nil && len(news) == 0 {
			return nil
		}
		hold := holdFor("new keys", "look for new keys", err, "Nothing is broken.", "looks again", "")
		if err == nil {
			hold = offboard.Hold{Subject: "new keys", Step: "look for new keys", Code: offboard.Conflict,
				Problem: "Since the plan was made the leaver got " + strings.Join(news, ", ") + ". A new cluster key means that clusters depend on the leaver again.",
				Means:   "Nothing is broken, but what uses these keys stops when the user is removed.",
				Retry:   "goes on although they die with the user; do this only after their scopes were reset as somebody else",
				Abort:   "stops the offboarding and undoes what can be undone; start it again to have them planned for"}
		}
		if err := r.hold(ctx, hold); err != nil {
			return err
		}
		if err != nil {
			clear(accepted)
		}
	}
}

// delete is the pivot: from the first deletion on there is only forward. It begins only if nothing turned the run round
// in the meantime.
func (r *run) delete(ctx workflow.Context) error {
	if r.stop != nil {
		return errStopped
	}
	r.pivot = true
	r.enter(ctx, offboard.PhaseDelete)
	errs := each(ctx, parallelKeys, r.state.Keys, "delete", func(ctx workflow.Context, i int, k offboard.KeyProgress) error {
		if k.State != offboard.KeyDisabled {
			return nil
		}
		return r.persist(ctx, "key "+k.ID, "delete key "+k.Name,
			"Nothing is broken: the key is disabled and nothing uses it.", "tries again", "leaves the disabled key; the user is then not removed",
			func(ctx workflow.Context) error { return r.deleteKey(ctx, i) })
	})
	for _, err := range errs {
		if err != nil && err != errSkipped {
			return err
		}
	}
	return nil
}

func (r *run) deleteKey(ctx workflow.Context, i int) error {
	k := &r.state.Keys[i]
	_, err := do(ctx, changing.within(r.policy), "Delete key "+k.Name+" "+k.ID, verbs.DeleteKey, activities.KeyInput{ID: k.ID})
	if err != nil && failure(err).Code == offboard.Locked {
		// Somebody locked it again after the plan; it is ours to delete all the same.
		if _, unlock := do(ctx, changing.within(r.policy), "Unlock key "+k.Name, verbs.UnlockKey, activities.KeyInput{ID: k.ID}); unlock != nil {
			return unlock
		}
		_, err = do(ctx, changing.within(r.policy), "Delete key "+k.Name+" "+k.ID, verbs.DeleteKey, activities.KeyInput{ID: k.ID})
	}
	if err != nil {
		return err
	}
	k.State, k.DeletedAt = offboard.KeyDeleted, workflow.Now(ctx)
	r.change(ctx, "Deleted key "+k.Name, k.ID, "iam-identity.user-apikey.delete")
	r.show(ctx)
	return nil
}
