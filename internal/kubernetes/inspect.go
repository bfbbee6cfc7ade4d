package kubernetes

import (
	"context"
	"fmt"
	"slices"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// Inspect reads what in a cluster depends on the key, which bindings name the leaver (an e-mail address; none are looked
// for if it is empty) and which other credentials lie there. Without rules nothing is looked for that depends on the key. It
// changes nothing.
//
// A cluster whose API does not answer from here (trap 42) is a result, not an error: Inspection.Unreachable says why,
// and nothing else is told. A part that may not be read is a Denied that names the part, because a survey with a silent
// gap would be taken for a complete one.
func (c *Clusters) Inspect(ctx context.Context, clusterID string, rules []offboard.DependentRule, leaver string) (offboard.Inspection, error) {
	if err := sound(clusterID, rules); err != nil {
		return offboard.Inspection{}, err
	}
	// Who looks for other people in the same cluster at the same time reads it together.
	anybody := leaver != ""
	key := fmt.Sprintf("%s %t %#v", clusterID, anybody, rules)
	found, err := c.inspections.Recent(ctx, key, offboard.AgeAllowed(ctx), func(ctx context.Context) (found offboard.Inspection, err error) {
		select {
		case c.room <- struct{}{}:
			defer func() { <-c.room }()
		case <-ctx.Done():
			return found, ctx.Err()
		}
		err = c.with(ctx, clusterID, func(k *client) error {
			found, err = k.inspect(ctx, rules, anybody)
			return err
		})
		return found, err
	})
	if reason, yes := unreachable(err); yes {
		return offboard.Inspection{Unreachable: reason}, nil
	}
	if err != nil {
		return offboard.Inspection{}, err
	}
	found.Dependents, found.PullSecrets = slices.Clone(found.Dependents), slices.Clone(found.PullSecrets)
	found.Bindings = naming(leaver, found.Bindings)
	return found, nil
}

// inspect reads a cluster, with the bindings of anybody if they are wanted.
func (k *client) inspect(ctx context.Context, rules []offboard.DependentRule, anybody bool) (offboard.Inspection, error) {
	var found offboard.Inspection
	err := atonce.Do(
		func() (err error) { found.Dependents, err = k.dependents(ctx, rules); return err }, // none by no rules
		func() (err error) {
			if anybody {
				found.Bindings, err = k.bindings(ctx)
			}
			return err
		},
		func() (err error) { found.TrustedProfile, err = k.trustedProfile(ctx); return err },
		func() (err error) { found.PullSecrets, err = k.pullSecrets(ctx); return err },
	)
	return found, err
}
