package ibmsim

import (
	"strings"
	"time"
)

// States of a user in the account, as user management names them.
const (
	stateProcessing = "PROCESSING"
	statePending    = "PENDING"
	stateActive     = "ACTIVE"
	stateErrDelete  = "ERROR_WHILE_DELETING"
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
	lastAuthn   time.Time
	authns      int64
}

func (u *user) name() string { return strings.TrimSpace(u.first + " " + u.last) }

func (u *user) listed() bool { return u.removed.IsZero() }

// serviceID is a service identity; it survives the user that made it.
type serviceID struct {
	id, iam, name, description string
	creator                    string
	created                    time.Time
	locked                     bool
}

// profile is a trusted profile with the users that may assume it.
type profile struct {
	id, iam, name string
	created       time.Time
	identities    []string // e-mails
}

// identity is whoever a token speaks for.
type identity struct {
	iam, email, name string
	service          bool
}

// who resolves an IAM ID that is or was in the account.
func (w *world) who(iam string) identity {
	if u := w.byIAM[iam]; u != nil {
		return identity{iam: iam, email: u.email, name: u.name()}
	}
	if s := w.serviceByIAM[iam]; s != nil {
		return identity{iam: iam, name: s.name, service: true}
	}
	return identity{iam: iam}
}

// memberAt tells whether an identity may act in the account at t: an active user, or a service ID.
func (w *world) memberAt(iam string, t time.Time) bool {
	if w.serviceByIAM[iam] != nil {
		return true
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
