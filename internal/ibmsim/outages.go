package ibmsim

import (
	"cmp"
	"slices"
	"time"
)

// Outage is a time in which something in a cluster had no working key. It is computed from the account's history, not
// from anything a client says. To is zero while it lasts.
type Outage struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to,omitzero"`
	Cluster string    `json:"cluster"`
	Subject string    `json:"subject"` // "scope <region>/<group id>", "master", or "<namespace>/<workload> (<pod>)"
	Key     string    `json:"key"`     // the key's ID, "" when there was none
	Cause   string    `json:"cause"`
}

// outages computes every outage until now, oldest first.
func (w *world) outages(now time.Time) []Outage {
	found := []Outage{}
	for _, c := range w.clusters {
		found = append(found, w.clusterOutages(c, now)...)
	}
	slices.SortStableFunc(found, func(a, b Outage) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Subject, b.Subject))
	})
	return found
}

// clusterOutages are those of one cluster, within its life.
func (w *world) clusterOutages(c *cluster, now time.Time) []Outage {
	if c.since.IsZero() {
		return nil
	}
	life := c.lives(now)
	found := w.scopeOutages(c, life)
	for _, h := range c.holders {
		if h.key == nil {
			end := h.to
			if h.from.Before(life.to) && (end.IsZero() || end.After(h.from)) {
				found = append(found, Outage{From: h.from, To: end, Cluster: c.spec.Name, Subject: h.subject, Cause: causeMissing})
			}
			continue
		}
		for _, f := range h.replay(w.tokenLives, life.to).failed {
			o := Outage{From: f.from, To: f.to, Cluster: c.spec.Name, Subject: h.subject, Key: h.key.id, Cause: f.cause}
			if !o.To.Before(life.to) {
				o.To = time.Time{}
			}
			found = append(found, o)
		}
	}
	if !c.deleting.IsZero() {
		for i := range found {
			found[i].To = earlier(found[i].To, c.deleting)
		}
	}
	return found
}

// scopeOutages are the times in which the pair of a cluster had no usable key: ordering, resizing and storage
// provisioning fail at once then, whatever tokens are still about.
func (w *world) scopeOutages(c *cluster, life span) []Outage {
	var found []Outage
	marks := w.scopeMarks(c.scope, life)
	for i, from := range marks {
		key, cause := w.scopeTrouble(c.scope, from)
		if cause == "" {
			continue
		}
		o := Outage{From: from, Cluster: c.spec.Name, Subject: "scope " + c.scope.id.String(), Key: key, Cause: cause}
		if i+1 < len(marks) {
			o.To = marks[i+1]
		}
		if n := len(found); n > 0 && found[n-1].To.Equal(o.From) && found[n-1].Key == o.Key && found[n-1].Cause == o.Cause {
			found[n-1].To = o.To
			continue
		}
		found = append(found, o)
	}
	return found
}

// scopeTrouble says what is wrong with a pair's key at t, if anything.
func (w *world) scopeTrouble(s *scope, t time.Time) (key, cause string) {
	k := s.at(t)
	if k == nil {
		return "", causeMissing
	}
	if !k.worksAt(t) {
		return k.id, k.deadBecause(t)
	}
	if !w.ownsWell(k.owner, s.id, t) {
		return k.id, causeRights
	}
	return k.id, ""
}

// scopeMarks are the moments at which the answer of scopeTrouble may change, from the beginning of a cluster's life on.
func (w *world) scopeMarks(s *scope, life span) []time.Time {
	marks := []time.Time{life.from}
	add := func(t time.Time) {
		if t.After(life.from) && t.Before(life.to) {
			marks = append(marks, t)
		}
	}
	addSpan := func(sp span) { add(sp.from); add(sp.to) }
	addRight := func(r *right) {
		addSpan(r.span)
		if r.times != nil {
			r.times.when.marks(later(r.from, life.from), earlier(r.to, life.to), add)
		}
	}
	for _, o := range w.owners {
		addSpan(o.span)
	}
	for _, r := range w.customRoles {
		for _, v := range r.versions {
			addSpan(v.span)
		}
	}
	for _, p := range s.keys {
		add(p.act)
		for _, l := range p.key.effective() {
			addSpan(l.span)
		}
		if u := w.byIAM[p.key.owner]; u != nil {
			for _, a := range u.active {
				addSpan(a)
			}
		}
		if s := w.serviceByIAM[p.key.owner]; s != nil {
			add(s.gone)
		}
		for _, r := range w.rights[p.key.owner] {
			addRight(r)
		}
		for _, m := range w.memberships[p.key.owner] {
			addSpan(m.span)
			for _, r := range w.rights[m.group] {
				addRight(r)
			}
		}
	}
	slices.SortFunc(marks, time.Time.Compare)
	return slices.Compact(marks)
}
