package ibmcloud

import (
	"context"
	"slices"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Runs that begin at the same time ask the same of the same account: all its keys, its clusters, whose key each of them
// depends on. They are asked together, so that a crowd of runs costs the account's limits little more than one.

// together is one read for all who ask for the same meanwhile. Looks at an effect and other reads have different places in
// the pace, and are not mixed. Who surveys may get what a crowd of others has read right before.
func together[V any](ctx context.Context, reads *share.Reads[V], key string, do func(context.Context) (V, error)) (V, error) {
	if offboard.IsLooking(ctx) {
		key = "look " + key
	}
	return reads.Recent(ctx, key, offboard.AgeAllowed(ctx), do)
}

// everything is together for a list of all there is. Everybody gets a list of their own.
func everything[V any](ctx context.Context, reads *share.Reads[[]V], do func(context.Context) ([]V, error)) ([]V, error) {
	list, err := together(ctx, reads, "", do)
	return slices.Clone(list), err
}
