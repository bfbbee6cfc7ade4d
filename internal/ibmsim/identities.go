package ibmsim

import (
	"fmt"
	"strings"
	"time"
)

// States of a user in the account, as user management names them.
const (
	stateProcessing = "PROCESSING"
	statePending    = "PENDING"
	stateActive     = "ACTIVE"
	stateErrDelete  = "ERROR_WHILE_DELETING"
	stateVPNOnly    = "VPN_ONLY"
	stateNoClassic  = "DISABLED_CLASSIC_INFRASTRUCTURE"
)

// user is a member or invitee of the account.
type user struct {
	seq         int
	iam, email  string
	first, last string
	state       string
	added       time.Time
	active      []span // membership as an active user
	removed     time.Time
	spec        UserSpec
	acceptsIn   time.Duration // after this an invitee accepts; negative = only when told
	allowedIPs  string
	phone       string
	language    string
	lastAuthn   time.Time
	authns      int64
	provider    provider
}

func (u *user) name() string { return strings.TrimSpace(u.first + " " + u.last) }

func (u *user) listed() bool { return u.removed.IsZero() }

// serviceID is a service identity; it survives the user that made it.
type serviceID struct {
	id, iam, name, description string
	creator                    string
	created, modified          time.Time
	tag                        int
	locked, relocks            bool
	deleted                    bool
	gone                       time.Time
	lastAuthn                  time.Time
	authns                     int64
}

func (s *serviceID) entityTag() string { return fmt.Sprintf("%d-%s", s.tag, s.id[len(s.id)-8:]) }

// profile is a trusted profile with the identities that may assume it.
type profile struct {
	id, iam, name, description string
	created, modified          time.Time
	tag                        int
	members                    []profileMember
	rules                      []*profileRule
	links                      []*profileLink
	deleted                    bool
	gone                       time.Time
}

func (p *profile) entityTag() string { return fmt.Sprintf("%d-%s", p.tag, p.id[len(p.id)-8:]) }

// identity is whoever a token speaks for.
type identity struct {
	iam, email, name string
	service, profile bool
}

// who resolves an IAM ID that is or was in the account.
func (w *world) who(iam string) identity {
	if u := w.byIAM[iam]; u != nil {
		return identity{iam: iam, email: u.email, name: u.name()}
	}
	if s := w.serviceByIAM[iam]; s != nil {
		return identity{iam: iam, name: s.name, service: true}
	}
	if p := w.profileByIAM[iam]; p != nil {
		return identity{iam: iam, name: p.name, profile: true}
	}
	return identity{iam: iam}
}

// memberAt tells whether an identity may act in the account at t: an active user, a service ID or a trusted profile.
func (w *world) memberAt(iam string, t time.Time) bool {
	if s := w.serviceByIAM[iam]; s != nil {
		return !s.deleted || t.Before(s.gone)
	}
	if p := w.profileByIAM[iam]; p != nil {
		return !p.deleted || t.Before(p.gone)
	}
	u := w.byIAM[iam]
	return u != nil && inAny(u.active, t)
}

// current is the listed user with this e-mail, whatever its case (trap 21).
func (w *world) current(email string) *user {
	u := w.byEmail[strings.ToLower(email)]
	if u == nil || !u.listed() {
		return nil
	}
	return u
}

func (w *world) addUser(u *user) {
	u.seq = len(w.users) + 1
	w.users = append(w.users, u)
	w.byIAM[u.iam] = u
	w.byEmail[strings.ToLower(u.email)] = u
}

func (w *world) addProfile(p *profile) {
	w.profiles = append(w.profiles, p)
	w.profileByIAM[p.iam] = p
}

// forget ends an identity's policies and group memberships.
func (w *world) forget(iam string, now time.Time) {
	for _, p := range w.policies {
		if p.subject == iam && p.deleted.IsZero() {
			w.endPolicy(p, now)
		}
	}
	for _, m := range w.memberships[iam] {
		m.end(now)
	}
}
