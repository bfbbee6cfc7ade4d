package ibmsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kinds of policies: for people and identities, and from service to service.
const (
	kindAccess        = "access"
	kindAuthorization = "authorization"
)

// policy is a policy made with either version of the API and readable with both.
type policy struct {
	id, kind, description string
	version               int
	subjectKey, subject   string      // of an access policy: iam_id or access_group_id
	source                []attribute // of an authorization: the service that may use the target
	roles                 []string
	attrs                 []attribute
	created, modified     time.Time
	by                    string
	deleted               time.Time
	tag                   int
	right                 *right    // nil of an authorization, which gives no identity anything
	times                 *timeRule // when the access holds, nil = always
}

func (p *policy) etag() string { return fmt.Sprintf("%d-%s", p.tag, p.id[:8]) }

func (p *policy) state() string {
	if p.deleted.IsZero() {
		return "active"
	}
	return "deleted"
}

// putPolicy files a policy whose access acts from a later moment (trap 29).
func (w *world) putPolicy(p *policy, acts time.Time) {
	p.modified = p.created
	w.policies = append(w.policies, p)
	w.policyByID[p.id] = p
	w.startRight(p, acts)
}

func (w *world) startRight(p *policy, acts time.Time) {
	if p.kind != kindAccess {
		return
	}
	p.right = &right{span: span{from: acts}, subject: p.subject, roles: p.roles, attrs: p.attrs, times: p.times}
	w.rights[p.subject] = append(w.rights[p.subject], p.right)
}

func (w *world) endPolicy(p *policy, now time.Time) {
	p.deleted = now
	p.endRight(now)
}

// endRight stops what the policy gives, unless it is over anyway.
func (p *policy) endRight(now time.Time) {
	if p.right != nil {
		p.right.to = earlier(p.right.to, later(now, p.right.from))
	}
}

// conflicting is an active policy with the same subject and resource (trap 26).
func (w *world) conflicting(p *policy) *policy {
	for _, have := range w.policies {
		if have.deleted.IsZero() && have.id != p.id && have.subject == p.subject && have.kind == p.kind && sameResource(have.source, p.source) && sameResource(have.attrs, p.attrs) {
			return have
		}
	}
	return nil
}

func sameResource(a, b []attribute) bool {
	return slices.Equal(ordered(a), ordered(b))
}

func ordered(attrs []attribute) []attribute {
	sorted := slices.Clone(attrs)
	slices.SortFunc(sorted, func(x, y attribute) int { return strings.Compare(x.key+x.value, y.key+y.value) })
	return sorted
}
