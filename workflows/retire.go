package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// parallelKeys bounds the keys that are changed at the same time; a user has at most a few dozen.
const parallelKeys = 50

// disable disables every key that is to be retired, after it is sure that no cluster needs one of them. The first thing
// registered is how to enable it again.
func (r *run) disable(ctx workflow.Context) error {
	r.enter(ctx, offboard.PhaseDisable)
	check := r.unforeseen
	if r.state.Prune != nil {
		check = r.stillUnused
	}
	if err := check(ctx); err != nil {
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
	unlock, registered, unlocking := r.state.Plan.Keys[i].Unlock, false, false
	restore := func(ctx workflow.Context) error {
		if err := r.enableKey(ctx, k); err != nil || !unlocking {
			return err
		}
		return r.lockKey(ctx, k)
	}
	means := "Nothing is broken: every scope that was handed over runs on its new key, and this key is still alive."
	if r.state.Prune != nil {
		means = "Nothing is broken: this key is still alive."
	}
	var attempt func(ctx workflow.Context) error
	attempt = func(ctx workflow.Context) error {
		if !registered {
			registered = true
			r.onUndo("restore key "+k.ID, restore)
		}
		if unlock && !k.Unlocked {
			unlocking = true // an undo locks it again, even if it is not known whether this was done
			got, err := do(ctx, changing.within(r.policy), "Unlock key "+k.Name, verbs.UnlockKey, activities.KeyInput{ID: k.ID})
			if err != nil {
				return err
			}
			k.Unlocked = true
			r.change(ctx, "Unlocked key "+k.Name, k.ID, "iam-identity.user-apikey.update", got.Receipt)
		}
		k.Disabled = true // an undo enables it, likewise
		got, err := do(ctx, changing.within(r.policy), "Disable key "+k.Name+" "+k.ID, verbs.DisableKey, activities.KeyInput{ID: k.ID})
		switch {
		case err != nil:
			if stopped(err) || failure(err).Code != offboard.Locked || k.Unlocked || r.state.Prune != nil {
				return err
			}
			unlock = true // somebody locked it since the plan was made
			return attempt(ctx)
		case got.Gone:
			k.State, k.Disabled = offboard.KeyDeleted, false
			return nil
		case got.Already:
			k.Disabled = false // somebody else's doing, which an undo leaves alone
		default:
			r.change(ctx, "Disabled key "+k.Name, k.ID, "iam-identity.user-apikey.update", got.Receipt)
		}
		k.State, k.DisabledAt = offboard.KeyDisabled, workflow.Now(ctx)
		r.state.DisabledAt = k.DisabledAt
		return nil
	}
	err := r.persist(ctx, "key "+k.ID, "disable key "+k.Name, means, "tries again", "leaves this key alive"+r.thenStays(), attempt)
	if errors.Is(err, errSkipped) {
		if err := restore(ctx); err != nil {
			return err
		}
		k.State = offboard.KeyKept
		return nil
	}
	r.show(ctx)
	return err
}

// thenStays says what a key that stays means for the user.
func (r *run) thenStays() string {
	if r.state.Prune != nil {
		return ""
	}
	return "; the user is then not removed"
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
	r.change(ctx, "Enabled key "+k.Name, k.ID, "iam-identity.user-apikey.update", got.Receipt)
	return nil
}

// lockKey locks a key again that this run unlocked, or may have.
func (r *run) lockKey(ctx workflow.Context, k *offboard.KeyProgress) error {
	got, err := do(ctx, undoing, "Lock key "+k.Name+" again", verbs.LockKey, activities.KeyInput{ID: k.ID})
	if err == nil && !got.Gone {
		r.change(ctx, "Locked key "+k.Name+" again", k.ID, "iam-identity.user-apikey.update", got.Receipt)
	}
	return err
}

// unforeseen looks for what the plan does not know: keys that the leaver got since, and clusters that came up in a
// handed-over scope and may have started on the leaver's key. A person decides.
func (r *run) unforeseen(ctx workflow.Context) error {
	for {
		news, err := r.news(ctx)
		if err != nil && stopped(err) {
			return err
		}
		if err == nil && len(news) == 0 {
			return nil
		}
		hold := holdFor("news", "look for what is new", err, "Nothing is broken.", "looks again", "")
		if err == nil {
			hold = offboard.Hold{Subject: "news", Step: "look for what is new", Code: offboard.Conflict,
				Problem: "Since the plan was made there is something it does not cover: " + strings.Join(news, "; ") + ".",
				Means:   "Nothing is broken, but what depends on this stops when the leaver's keys are gone.",
				Retry:   "goes on with your word that it may stop or is taken care of: scopes of new cluster keys are reset as somebody else, new clusters had their master refreshed and their storage and autoscaler controllers restarted",
				Abort:   "stops the offboarding and undoes what can be undone; start it again to have it planned for"}
		}
		if err := r.hold(ctx, hold); err != nil {
			return err
		}
	}
}

// news says in words what the plan does not cover and no person was told yet.
func (r *run) news(ctx workflow.Context) ([]string, error) {
	var keys activities.SurveyKeysResult
	var clusters activities.SurveyClustersResult
	err := atOnce(ctx, "news",
		func(ctx workflow.Context) (err error) {
			keys, err = do(ctx, reading, "Look for new keys of "+r.state.Leaver.Email, verbs.SurveyKeys, activities.SurveyKeysInput{Leaver: r.state.Leaver, Brief: true})
			return err
		},
		func(ctx workflow.Context) (err error) {
			clusters, err = do(ctx, reading, "Look for new clusters in the scopes", verbs.SurveyClusters, activities.SurveyClustersInput{})
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	var news []string
	for _, k := range keys.Keys {
		known := slices.ContainsFunc(r.state.Keys, func(have offboard.KeyProgress) bool { return have.ID == k.ID })
		if known || r.told[k.ID] {
			continue
		}
		r.told[k.ID] = true
		news = append(news, fmt.Sprintf("key %s (%s, %s) of the leaver", k.Name, k.ID, k.Description))
	}
	for _, c := range clusters.Clusters {
		i := slices.IndexFunc(r.state.Scopes, func(s offboard.ScopeProgress) bool { return s.Scope.ID() == c.Scope().ID() })
		if i < 0 || c.Going() || r.told[c.ID] ||
			slices.ContainsFunc(r.state.Scopes[i].Clusters, func(have offboard.ClusterProgress) bool { return have.ID == c.ID }) {
			continue
		}
		r.told[c.ID] = true
		news = append(news, fmt.Sprintf("cluster %s in %s", c.Name, r.state.Scopes[i].Scope))
	}
	return news, nil
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
			"Nothing is broken: the key is disabled and nothing uses it.", "tries again", "leaves the disabled key"+r.thenStays(),
			func(ctx workflow.Context) error { return r.deleteKey(ctx, i) })
	})
	for _, err := range errs {
		if err != nil && !errors.Is(err, errSkipped) {
			return err
		}
	}
	return nil
}

func (r *run) deleteKey(ctx workflow.Context, i int) error {
	k := &r.state.Keys[i]
	got, err := do(ctx, changing.within(r.policy), "Delete key "+k.Name+" "+k.ID, verbs.DeleteKey, activities.KeyInput{ID: k.ID})
	if err != nil && failure(err).Code == offboard.Locked && r.state.Prune == nil {
		// Somebody locked it again after the plan; it is ours to delete all the same.
		unlocked, unlock := do(ctx, changing.within(r.policy), "Unlock key "+k.Name, verbs.UnlockKey, activities.KeyInput{ID: k.ID})
		if unlock != nil {
			return unlock
		}
		r.sent(ctx, "Unlocked key "+k.Name, k.ID, "iam-identity.user-apikey.update", unlocked.Receipt)
		got, err = do(ctx, changing.within(r.policy), "Delete key "+k.Name+" "+k.ID, verbs.DeleteKey, activities.KeyInput{ID: k.ID})
	}
	if err != nil {
		return err
	}
	k.State, k.DeletedAt = offboard.KeyDeleted, workflow.Now(ctx)
	r.change(ctx, "Deleted key "+k.Name, k.ID, "iam-identity.user-apikey.delete", got.Receipt)
	r.show(ctx)
	return nil
}
