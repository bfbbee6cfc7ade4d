package rehearsal

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"offboard/internal/offboard"
)

// Subject is whom a rehearsal is about, and by which policy.
type Subject struct {
	User   string // e-mail address or IAM ID
	Policy offboard.Policy
}

// fanOut is how many calls are under way at a time: as many as a real survey has.
const fanOut = 24

// Look reads the account. It changes nothing. What an offboarding could do without becomes a Missing of the view, as in an
// offboarding; an error is what its survey would hold for.
func Look(ctx context.Context, ports Ports, s Subject) (View, error) {
	l := looker{ports: ports, subject: s, view: View{TakenAt: time.Now(), Inspections: map[string]offboard.Inspection{}, ClassicUsers: map[string]string{}}}
	for _, step := range []func(context.Context) error{l.whole, l.leaver, l.functionalIDs, l.owners, l.inside} {
		if err := step(ctx); err != nil {
			return View{}, err
		}
	}
	slices.SortFunc(l.view.Missing, func(a, b offboard.Missing) int { return cmp.Compare(a.ID, b.ID) })
	l.view.Took = time.Since(l.view.TakenAt)
	return l.view, nil
}

type looker struct {
	ports   Ports
	subject Subject

	mu   sync.Mutex // guards the view while several look
	view View
}

// whole reads every list of the account.
func (l *looker) whole(ctx context.Context) error {
	v, p := &l.view, l.ports
	group, ctx := errgroup.WithContext(ctx)
	var indexed []offboard.ClusterRef
	var unindexed error
	reads := []func() error{
		func() (err error) { v.Engine, err = again(ctx, p.Users.WhoAmI); return err },
		func() (err error) { v.Account, err = again(ctx, p.Users.Account); return err },
		func() (err error) { v.People, err = again(ctx, p.Users.People); return err },
		func() (err error) { v.Keys, err = again(ctx, p.Keys.UserKeys); return err },
		func() (err error) { v.Groups, err = again(ctx, p.Clusters.ResourceGroups); return err },
		func() (err error) { v.Clusters, err = again(ctx, p.Clusters.Clusters); return err },
		func() error { indexed, unindexed = again(ctx, p.Clusters.Indexed); return ctx.Err() },
	}
	for _, read := range reads {
		group.Go(read)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if unindexed != nil {
		l.miss("search", "Global search could not be asked whether there are clusters that the engine cannot see", unindexed)
	}
	for _, ref := range indexed {
		if !slices.ContainsFunc(v.Clusters, func(c offboard.Cluster) bool { return c.ID == ref.ID }) {
			v.Hidden = append(v.Hidden, ref)
		}
	}
	return nil
}

// leaver reads what only concerns who leaves.
func (l *looker) leaver(ctx context.Context) error {
	v := &l.view
	named := v.named(l.subject.User)
	if len(named) != 1 {
		return nil // the run on the stage says what that means
	}
	v.Leaver = named[0]
	profiles, err := again(ctx, func(ctx context.Context) ([]string, error) {
		return l.ports.Access.TrustedProfiles(ctx, v.Leaver.IAMID)
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.miss("profiles", "It is not known whether trusted profiles name the leaver", err)
	}
	v.Profiles = profiles
	var own []int
	for i, k := range v.Keys {
		if k.IAMID == v.Leaver.IAMID {
			own = append(own, i)
		}
	}
	return eachOf(ctx, own, func(ctx context.Context, i int) error {
		k, err := again(ctx, func(ctx context.Context) (offboard.Key, error) { return l.ports.Keys.Key(ctx, v.Keys[i].ID) })
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil // deleted since the list was read
		}
		if err == nil {
			v.Keys[i].LastUsed = k.LastUsed
		}
		return err
	})
}

func (l *looker) functionalIDs(ctx context.Context) error {
	v := &l.view
	var ids []string
	for _, email := range l.ports.Successors.Emails() {
		f := FunctionalID{Email: email}
		proof, err := again(ctx, func(ctx context.Context) (offboard.Identity, error) { return l.ports.Successors.Prove(ctx, email) })
		if err != nil && offboard.CodeOf(err) != offboard.Denied {
			return err
		}
		f.Proof = proof
		for _, p := range v.named(email) {
			ids = append(ids, p.IAMID)
			f.Rights = l.rights(ctx, p.IAMID)
		}
		v.FunctionalIDs = append(v.FunctionalIDs, f)
	}
	v.EngineRights = l.rights(ctx, v.Engine.IAMID)
	var held map[string]int
	limit, err := again(ctx, func(ctx context.Context) (n int, err error) {
		n, held, err = l.ports.Keys.Room(ctx, ids)
		return n, err
	})
	if err != nil {
		return err
	}
	v.Limit = limit
	for i, f := range v.FunctionalIDs {
		for _, p := range v.named(f.Email) {
			v.FunctionalIDs[i].Held = held[p.IAMID]
		}
	}
	return ctx.Err()
}

func (l *looker) rights(ctx context.Context, iamID string) Rights {
	list, err := again(ctx, func(ctx context.Context) ([]Right, error) { return l.ports.Access.Rights(ctx, iamID) })
	if err != nil {
		return Rights{Unknown: err.Error()}
	}
	return Rights{List: list}
}

// owners asks whose key each cluster depends on.
func (l *looker) owners(ctx context.Context) error {
	v := &l.view
	return eachOf(ctx, l.live(), func(ctx context.Context, i int) error {
		c := &v.Clusters[i]
		owner, err := again(ctx, func(ctx context.Context) (offboard.Owner, error) {
			return l.ports.Clusters.KeyOwner(ctx, c.ID, c.Scope())
		})
		switch code := offboard.CodeOf(err); {
		case err == nil:
			c.Owner = owner
		case code == offboard.NotFound:
		case code.Retryable() || ctx.Err() != nil:
			return err
		default:
			l.miss("owner/"+c.ID, "Nobody could be asked whose key cluster "+c.Name+" depends on", err)
		}
		return nil
	})
}

// live are the clusters whose key matters.
func (l *looker) live() []int {
	var list []int
	for i, c := range l.view.Clusters {
		if !c.Going() {
			list = append(list, i)
		}
	}
	return list
}

// inside looks into the clusters and at the classic credentials of their scopes.
func (l *looker) inside(ctx context.Context) error {
	v := &l.view
	err := eachOf(ctx, l.live(), func(ctx context.Context, i int) error {
		id := v.Clusters[i].ID
		found, err := again(ctx, func(ctx context.Context) (offboard.Inspection, error) {
			return l.ports.Workloads.Inspect(ctx, id, l.subject.Policy.Rules(), v.Leaver.Email)
		})
		switch code := offboard.CodeOf(err); {
		case err == nil:
		case code == offboard.NotFound:
			return nil
		case code.Retryable() || ctx.Err() != nil:
			return err
		default:
			found = offboard.Inspection{Unreachable: err.Error()}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		v.Inspections[id] = found
		return nil
	})
	if err != nil {
		return err
	}
	scopes := map[string]offboard.Scope{}
	for _, c := range v.Clusters {
		scopes[c.Scope().ID()] = c.Scope()
	}
	for _, k := range v.Keys {
		if k.IAMID == v.Leaver.IAMID && k.Class == offboard.ClusterKey && k.Scope.Region != "" && scopes[k.Scope.ID()].Region == "" {
			scopes[k.Scope.ID()] = k.Scope
		}
	}
	return eachOf(ctx, slices.Sorted(maps.Keys(scopes)), func(ctx context.Context, id string) error {
		user, err := again(ctx, func(ctx context.Context) (string, error) { return l.ports.Clusters.ClassicUser(ctx, scopes[id]) })
		switch {
		case err == nil && user != "":
			l.mu.Lock()
			defer l.mu.Unlock()
			v.ClassicUsers[id] = user
		case err == nil:
		case offboard.CodeOf(err).Retryable() || ctx.Err() != nil:
			return err
		default:
			l.miss("classic/"+id, "It is not known whether "+scopes[id].String()+" uses manual classic credentials, which would take precedence over the cluster key", err)
		}
		return nil
	})
}

func (l *looker) miss(id, what string, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view.Missing = append(l.view.Missing, offboard.Missing{ID: id, What: what, Why: why.Error()})
}

// eachOf calls f for each item, some at a time, and returns the first error.
func eachOf[T any](ctx context.Context, items []T, f func(ctx context.Context, item T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	for _, item := range items {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return f(ctx, item)
		})
	}
	return group.Wait()
}

// pauses are how long a read that failed is left alone before it is tried again. A person waits in front of this, so it
// gives up after half a minute where a run would go on for half an hour.
var pauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second}

// again reads, and reads again what may pass.
func again[T any](ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	for _, pause := range pauses {
		got, err := read(ctx)
		if err == nil || !offboard.CodeOf(err).Retryable() || ctx.Err() != nil {
			return got, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return read(ctx)
}
