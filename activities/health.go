package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// WatchedCluster is a cluster and what in it is watched.
type WatchedCluster struct {
	offboard.ClusterRef
	Dependents []offboard.Dependent `json:"dependents,omitempty"`
}

// ConfirmHealthInput names clusters, and the troubles they had before we touched them: those are not ours.
type ConfirmHealthInput struct {
	Clusters []WatchedCluster `json:"clusters"`
	Known    []string         `json:"known,omitempty"`
}

// ConfirmHealth fails with Pending until the clusters, their add-ons and their dependents are well. It changes nothing.
func (a *Activities) ConfirmHealth(ctx context.Context, in ConfirmHealthInput) (Done, error) {
	trouble, err := a.troubles(ctx, in.Clusters, in.Known)
	if err == nil && len(trouble) > 0 {
		err = offboard.Errorf(offboard.Pending, "check the health of the clusters", "%s", strings.Join(trouble, "; "))
	}
	return Done{}, err
}

// ProbeInput names what a soak watches.
type ProbeInput struct {
	Clusters []WatchedCluster `json:"clusters"`
	Keys     []WatchedKey     `json:"keys,omitempty"`
	Known    []string         `json:"known,omitempty"` // troubles from before
}

// WatchedKey is a disabled key and since when nothing may use it.
type WatchedKey struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
}

// ProbeResult says in sentences what is wrong; nothing if all is well.
type ProbeResult struct {
	Trouble []string `json:"trouble,omitempty"`
}

// Probe looks at the clusters and at the disabled keys' last use. It changes nothing.
func (a *Activities) Probe(ctx context.Context, in ProbeInput) (ProbeResult, error) {
	trouble, err := a.troubles(ctx, in.Clusters, in.Known)
	if err != nil {
		return ProbeResult{}, err
	}
	used := make([]string, len(in.Keys))
	err = together(ctx, len(in.Keys), func(ctx context.Context, i int) error {
		k, err := a.keys.Key(ctx, in.Keys[i].ID)
		switch {
		case offboard.CodeOf(err) == offboard.NotFound:
			used[i] = fmt.Sprintf("key %s (%s) is gone: somebody deleted it", in.Keys[i].Name, in.Keys[i].ID)
		case err != nil:
			return err
		case !k.Disabled:
			used[i] = fmt.Sprintf("key %s (%s) was enabled again by somebody", in.Keys[i].Name, in.Keys[i].ID)
		case k.LastUsed.After(in.Keys[i].Since):
			used[i] = fmt.Sprintf("key %s (%s) was used at %s, after it was disabled", in.Keys[i].Name, in.Keys[i].ID, k.LastUsed.UTC().Format(time.RFC3339))
		}
		return nil
	})
	for _, u := range used {
		if u != "" {
			trouble = append(trouble, u)
		}
	}
	return ProbeResult{Trouble: trouble}, err
}

// troubles says in sentences what is wrong with the clusters and was not before, in a stable order.
func (a *Activities) troubles(ctx context.Context, clusters []WatchedCluster, known []string) ([]string, error) {
	var mu sync.Mutex
	var list []string
	err := together(ctx, len(clusters), func(ctx context.Context, i int) error {
		found, _, err := a.troublesOf(ctx, clusters[i])
		mu.Lock()
		defer mu.Unlock()
		list = append(list, found...)
		return err
	})
	list = slices.DeleteFunc(list, func(text string) bool { return slices.Contains(known, text) })
	slices.Sort(list)
	return list, err
}

// troublesOf looks at a cluster, its add-ons and its dependents, all at once. In one that is gone, or about to be, nothing
// can break.
func (a *Activities) troublesOf(ctx context.Context, w WatchedCluster) (list []string, gone bool, err error) {
	var c offboard.Cluster
	var master offboard.Master
	var addons []offboard.Addon
	var unseen error // of the cluster itself
	waits := make([]string, len(w.Dependents))
	looks := []func() error{
		func() error { c, master, unseen = a.clusters.Cluster(ctx, w.ID); return nil },
		func() (err error) { addons, err = a.clusters.Addons(ctx, w.ID); return err },
	}
	for i, d := range w.Dependents {
		looks = append(looks, func() error {
			r, err := a.workloads.Rollout(ctx, w.ID, d, nil, "")
			switch offboard.CodeOf(err) {
			case offboard.NotFound, offboard.Unreachable:
				return nil
			}
			if err == nil && !r.Done {
				waits[i] = r.Missing
			}
			return err
		})
	}
	err = atonce.Do(looks...)
	// What the cluster says of itself comes first: one that goes does not answer for its add-ons any more.
	switch {
	case offboard.CodeOf(unseen) == offboard.NotFound:
		return nil, true, nil
	case unseen != nil || c.Going():
		return nil, false, unseen
	case offboard.CodeOf(err) == offboard.NotFound:
		return nil, true, nil
	case err != nil:
		return nil, false, err
	}
	add := func(format string, args ...any) { list = append(list, "cluster "+w.Name+fmt.Sprintf(format, args...)) }
	if c.State == "critical" || c.State == "warning" {
		add(" is in state %s", c.State)
	}
	if master.Health == "error" || master.Health == "unavailable" {
		add("'s control plane is %s", master.Health)
	}
	for _, addon := range addons {
		if addon.Bad() {
			add("'s add-on %s is %s: %s", addon.Name, addon.Health, addon.Status)
		}
	}
	for i, d := range w.Dependents {
		if waits[i] != "" {
			add("'s %s is not ready: %s", d.Workload, waits[i])
		}
	}
	return list, false, nil
}
