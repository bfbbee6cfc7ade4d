package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"offboard/internal/app"
	"offboard/internal/ibmcloud"
	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
)

// procedure is the documented procedure as somebody carries it out: by the same adapter, one call after another, one
// scope after another, one cluster after another. It waits nearly all the time, so it runs beside the other rows, in an
// account of its own.
type procedure struct {
	ended chan struct{}
	took  time.Duration
	err   error
}

// byHandScopes is the size of the account of P2.
const byHandScopes = 12

// begin starts the procedure, unless it is under way.
func (b *bench) begin(ctx context.Context) {
	if b.byHand != nil {
		return
	}
	p := &procedure{ended: make(chan struct{})}
	b.byHand = p
	go func() {
		defer close(p.ended)
		p.took, p.err = b.followDocuments(ctx)
	}()
}

// documented is P2: how much longer the procedure takes than the engine, for the same account.
func documented(ctx context.Context, b *bench) error {
	if len(b.single) == 0 {
		d, err := b.one(ctx, single(byHandScopes), settings{})
		if err != nil {
			return err
		}
		b.single = append(b.single, d)
	}
	b.begin(ctx)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.byHand.ended:
	}
	if b.byHand.err != nil {
		return fmt.Errorf("carry out the procedure by hand: %w", b.byHand.err)
	}
	var walls []float64
	for _, d := range b.single {
		walls = append(walls, d.wall().Seconds())
	}
	b.add(figure{Row: "P2", What: "by hand / engine, 12 scopes", Value: b.byHand.took.Seconds() / median(walls), Limit: 8, Sense: atLeast,
		Note: fmt.Sprintf("by hand %s, engine %.1f s", b.byHand.took.Round(time.Second), median(walls))})
	return nil
}

// byHand is who carries it out, and what they know.
type byHand struct {
	cloud    *ibmcloud.Cloud
	clusters *kubernetes.Clusters
	rules    []offboard.DependentRule
	who      string // the functional ID
}

// followDocuments is the procedure from IBM's pages: look at everything, let somebody else own each scope's key, bring it
// to the clusters, then take the leaver's keys and the leaver away. The soak is left out, as it is for the engine.
func (b *bench) followDocuments(ctx context.Context) (took time.Duration, err error) {
	r, err := newRig(ctx, nil, single(byHandScopes), settings{})
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	cloud, err := app.NewCloud(r.config, zap.NewNop())
	if err != nil {
		return 0, err
	}
	h := &byHand{cloud: cloud, clusters: kubernetes.New(kubernetes.Config{Kubeconfig: cloud.Kubeconfig}), rules: r.config.Policy.Rules(), who: cloud.Successors.Emails()[0]}
	begun := time.Now()
	scopes, keys, err := h.look(ctx)
	if err != nil {
		return 0, err
	}
	if err := h.prepare(ctx, scopes); err != nil {
		return 0, err
	}
	for _, s := range scopes {
		if err := h.handOver(ctx, s); err != nil {
			return 0, fmt.Errorf("hand %s over: %w", s.scope, err)
		}
	}
	if err := h.retire(ctx, keys, scopes); err != nil {
		return 0, err
	}
	took = time.Since(begun)
	if outages := r.sim.Outages(); len(outages) > 0 {
		return took, fmt.Errorf("outage: %s in cluster %s: %s", outages[0].Subject, outages[0].Cluster, outages[0].Cause)
	}
	return took, nil
}

// ownScope is a scope of the leaver with its clusters and what depends on the key in them.
type ownScope struct {
	scope      offboard.Scope
	clusters   []offboard.Cluster
	dependents map[string][]offboard.Dependent
}

// look finds the leaver's keys, and the scopes whose clusters run on one of them.
func (h *byHand) look(ctx context.Context) (scopes []ownScope, keys []string, err error) {
	all, err := h.cloud.Keys.UserKeys(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range all {
		if k.IAMID == leaverIAM {
			keys = append(keys, k.ID)
		}
	}
	clusters, err := h.cloud.Clusters.Clusters(ctx)
	if err != nil {
		return nil, nil, err
	}
	at := map[string]int{}
	for _, c := range clusters {
		owner, err := h.cloud.Clusters.KeyOwner(ctx, c.ID, c.Scope())
		if err != nil {
			return nil, nil, err
		}
		if !owner.Is(leaverEmail) {
			continue
		}
		found, err := h.clusters.Inspect(ctx, c.ID, h.rules, leaverEmail)
		if err != nil {
			return nil, nil, err
		}
		i, known := at[c.Scope().ID()]
		if !known {
			i = len(scopes)
			at[c.Scope().ID()] = i
			scopes = append(scopes, ownScope{scope: c.Scope(), dependents: map[string][]offboard.Dependent{}})
		}
		scopes[i].clusters = append(scopes[i].clusters, c)
		scopes[i].dependents[c.ID] = found.Restartable()
	}
	return scopes, keys, nil
}

// prepare gives the functional ID its access.
func (h *byHand) prepare(ctx context.Context, scopes []ownScope) error {
	me, err := h.cloud.Successors.Prove(ctx, h.who)
	if err != nil {
		return err
	}
	group, _, err := h.cloud.Access.EnsureGroup(ctx, "cluster key owners", "", "byhand", nil)
	if err != nil {
		return err
	}
	var s offboard.Survey
	var list []offboard.Scope
	for _, own := range scopes {
		list = append(list, own.scope)
		survey := offboard.ScopeSurvey{Scope: own.scope}
		for _, c := range own.clusters {
			survey.Clusters = append(survey.Clusters, offboard.ClusterSurvey{Cluster: c})
		}
		s.Scopes = append(s.Scopes, survey)
	}
	for _, g := range offboard.GrantsFor(list, s) {
		if _, _, err := h.cloud.Access.Grant(ctx, group, g, nil); err != nil {
			return err
		}
	}
	_, err = h.cloud.Access.AddMember(ctx, group, me.IAMID, nil)
	return err
}

// patience is how often somebody looks whether something has happened: more often than anybody would by hand.
const patience = 500 * time.Millisecond

// until asks again and again until something has happened.
func until(ctx context.Context, happened func() (bool, error)) error {
	for {
		if yes, err := happened(); err != nil || yes {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(patience):
		}
	}
}

// handOver lets the functional ID own a scope's key and brings it to the scope's clusters.
func (h *byHand) handOver(ctx context.Context, s ownScope) error {
	before, err := h.cloud.Successors.Keys(ctx, h.who)
	if err != nil {
		return err
	}
	if err := h.cloud.Successors.Reset(ctx, h.who, s.scope); err != nil {
		return err
	}
	err = until(ctx, func() (bool, error) {
		now, err := h.cloud.Successors.Keys(ctx, h.who)
		return len(now) > len(before), err
	})
	if err != nil {
		return err
	}
	for _, c := range s.clusters {
		if err := h.bring(ctx, s, c); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
	}
	return nil
}

// bring takes the new key to one cluster: its owner, its master, its secret, its workloads, its health.
func (h *byHand) bring(ctx context.Context, s ownScope, c offboard.Cluster) error {
	owner, err := h.cloud.Clusters.KeyOwner(ctx, c.ID, s.scope)
	if err != nil {
		return err
	}
	if !strings.EqualFold(owner.Email, h.who) {
		return fmt.Errorf("its key belongs to %s", owner.Email)
	}
	_, before, err := h.cloud.Clusters.Cluster(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := h.cloud.Clusters.RefreshMaster(ctx, c.ID, s.scope); err != nil {
		return err
	}
	err = until(ctx, func() (bool, error) {
		_, master, err := h.cloud.Clusters.Cluster(ctx, c.ID)
		return master.Settled() && master.Modified.After(before.Modified), err
	})
	if err != nil {
		return err
	}
	for _, d := range s.dependents[c.ID] {
		old, err := h.clusters.Pods(ctx, c.ID, d)
		if err != nil {
			return err
		}
		if err := h.clusters.Restart(ctx, c.ID, d, "by-hand"); err != nil {
			return err
		}
		err = until(ctx, func() (bool, error) {
			r, err := h.clusters.Rollout(ctx, c.ID, d, old, "by-hand")
			return r.Done, err
		})
		if err != nil {
			return err
		}
	}
	_, err = h.cloud.Clusters.Addons(ctx, c.ID)
	return err
}

// retire takes the leaver's keys away, then the leaver, then their names in the clusters.
func (h *byHand) retire(ctx context.Context, keys []string, scopes []ownScope) error {
	for _, id := range keys {
		if err := h.cloud.Keys.Disable(ctx, id); err != nil {
			return err
		}
	}
	for _, id := range keys {
		if err := h.cloud.Keys.Delete(ctx, id); err != nil {
			return err
		}
	}
	if err := h.cloud.Users.Remove(ctx, leaverIAM); err != nil {
		return err
	}
	err := until(ctx, func() (bool, error) {
		_, err := h.cloud.Users.Person(ctx, leaverIAM)
		if offboard.CodeOf(err) == offboard.NotFound {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		return err
	}
	for _, s := range scopes {
		for _, c := range s.clusters {
			if err := h.cloud.Clusters.SyncAccess(ctx, c.ID); err != nil {
				return err
			}
			if err := until(ctx, func() (bool, error) { return h.cloud.Clusters.Synced(ctx, c.ID) }); err != nil {
				return err
			}
		}
	}
	return nil
}
