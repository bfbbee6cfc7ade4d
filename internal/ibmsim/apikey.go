package ibmsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// clusterKeyName is the name the Kubernetes Service gives to every key it makes.
const clusterKeyName = "containers-kubernetes-key"

// apiKey is an IAM API key. Deleted ones stay as tombstones, because the past is computed from them.
type apiKey struct {
	seq                     int
	id, name, description   string
	owner, createdBy        string // IAM IDs
	service                 bool   // the owner is a service ID
	secret                  string
	created, modified       time.Time
	replicated              time.Time // unknown to IAM and to lists before this
	deleted                 time.Time
	tag                     int
	locked, disabled        bool
	lives                   []life
	lastAuthn               time.Time
	authns                  int64
	history                 []historyItem
	holders                 []*holder
	actionWhenLeaked        string
	supportSessions, stored bool
	expires                 time.Time // zero = never
}

// historyItem is one entry of an identity object's history.
type historyItem struct {
	at                time.Time
	iam, action, text string
}

func (k *apiKey) entityTag() string { return fmt.Sprintf("%d-%s", k.tag, k.id[len(k.id)-8:]) }

func (k *apiKey) worksAt(t time.Time) bool {
	return slices.ContainsFunc(k.effective(), func(l life) bool { return l.holds(t) })
}

// effective are the key's lives cut at its expiry.
func (k *apiKey) effective() []life {
	if k.expires.IsZero() {
		return k.lives
	}
	var cut []life
	for _, l := range k.lives {
		if !l.from.Before(k.expires) {
			continue
		}
		if l.to.IsZero() || l.to.After(k.expires) {
			l.to, l.cause = k.expires, causeExpired
		}
		cut = append(cut, l)
	}
	return cut
}

// expireAt changes the expiry. What an expiry in the past did stays done, though a later one revives the key.
func (k *apiKey) expireAt(expiry, now time.Time) {
	dead := !k.expires.IsZero() && !now.Before(k.expires)
	if dead {
		k.kill(k.expires, causeExpired)
	}
	k.expires = expiry
	if dead && !k.disabled && (expiry.IsZero() || now.Before(expiry)) {
		k.revive(now)
	}
}

// purgedAt tells whether a key is gone for good, locked or not: long expired and long unchanged.
func (k *apiKey) purgedAt(t time.Time, after time.Duration) bool {
	return !k.expires.IsZero() && t.Sub(k.expires) > after && t.Sub(k.modified) > after
}

// deadBecause explains why the key does not work at t.
func (k *apiKey) deadBecause(t time.Time) string {
	cause := causeUnknown
	for _, l := range k.effective() {
		if !l.to.IsZero() && !t.Before(l.to) {
			cause = l.cause
		}
	}
	return cause
}

// kill ends the key's present life; a life that has not begun never happened.
func (k *apiKey) kill(t time.Time, cause string) {
	if len(k.lives) == 0 {
		return
	}
	last := &k.lives[len(k.lives)-1]
	if last.to.After(t) { // it was to die later (trap 13) and dies now
		last.to, last.cause = later(t, last.from), cause
		return
	}
	if !last.to.IsZero() {
		last.cause = mostFinal(last.cause, cause)
		return
	}
	last.to, last.cause = later(t, last.from), cause
}

// mostFinal keeps the story straight when a disabled key is deleted later: deletion is what cannot be undone.
func mostFinal(before, now string) string {
	if now == causeDisabled {
		return before
	}
	return now
}

// revive starts another life, after the key was enabled again.
func (k *apiKey) revive(t time.Time) {
	if n := len(k.lives); n > 0 && (k.lives[n-1].to.IsZero() || k.lives[n-1].to.After(t)) {
		k.lives[n-1].to, k.lives[n-1].cause = time.Time{}, "" // enabled again before the disable acted
		return
	}
	k.lives = append(k.lives, life{span: span{from: later(t, k.replicated)}})
}

// exists tells whether a key counts: neither deleted nor purged.
func (w *world) exists(k *apiKey, t time.Time) bool {
	return k.deleted.IsZero() && !k.purgedAt(t, w.keyPurge())
}

// visible tells whether IAM's replicas know a key.
func (w *world) visible(k *apiKey, t time.Time) bool {
	return w.exists(k, t) && !t.Before(k.replicated)
}

// keyPurge is the documented 90 days unless the account's knob says otherwise.
func (w *world) keyPurge() time.Duration {
	if w.knobs.KeyPurge == 0 {
		return 90 * 24 * time.Hour
	}
	return w.knobs.KeyPurge.Std()
}

// newKey makes a key and counts it at once, though it is visible and usable only after replication.
func (w *world) newKey(owner, createdBy, name, description string, now time.Time) *apiKey {
	k := &apiKey{
		id: "ApiKey-" + uuidOf(w.ids.next("apikey")), name: name, description: description, owner: owner, createdBy: createdBy,
		created: now, modified: now, replicated: now.Add(w.knobs.KeyReplication.Std() + w.slow), tag: 1, actionWhenLeaked: "none",
	}
	k.secret = w.ids.secret(w.who(owner).label(), name, k.id)
	k.history = []historyItem{{now, createdBy, "CREATE", "API key created"}}
	w.putKey(k)
	return k
}

// putKey files a key whose secret, owner and times are set.
func (w *world) putKey(k *apiKey) {
	k.lives = []life{{span: span{from: k.replicated}}}
	k.seq = len(w.keys) + 1
	k.service = strings.HasPrefix(k.owner, "iam-ServiceId-")
	w.keys = append(w.keys, k)
	w.keyByID[k.id] = k
	w.keyBySecret[k.secret] = k
	w.keysByOwner[k.owner] = append(w.keysByOwner[k.owner], k)
}

// keyCount is how many keys count against an identity's limit (trap 5), replicated or not.
func (w *world) keyCount(iam string) int {
	n := 0
	for _, k := range w.keysByOwner[iam] {
		if w.exists(k, w.clock.Now()) {
			n++
		}
	}
	return n
}

// dropKey deletes a key for good. Tokens made from it live on (trap 12).
func (w *world) dropKey(k *apiKey, now time.Time, cause string) {
	k.kill(now, cause)
	k.deleted = now
	k.disabled = false
}

func (i identity) label() string {
	if i.email != "" {
		return i.email
	}
	if i.name != "" {
		return i.name
	}
	return i.iam
}
