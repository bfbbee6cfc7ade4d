package ibmsim

import "time"

// holder is something in a cluster that took a key when it started and goes on using it: the master since its last
// refresh, or a pod since its start. It asks IAM for a token when it starts and each time the token ends.
type holder struct {
	span
	cluster *cluster
	subject string // "master", or namespace/workload (pod)
	key     *apiKey
}

// use is what came of a holder's token requests.
type use struct {
	failed []failure
	last   time.Time // the last request that succeeded
	count  int64
}

// failure is a time without a token.
type failure struct {
	span
	cause string
}

// replay computes a holder's token requests from its start until a moment, with the lives tokens had at the time. A token outlives its key (trap 12): the
// holder notices a dead key only when the token in hand ends, and recovers at once when the key works again.
func (h *holder) replay(lives tokenLives, until time.Time) use {
	var u use
	end := earlier(h.to, until)
	need := h.from
	for need.Before(end) {
		alive, ok := h.key.lifeAt(need)
		if !ok {
			back := earlier(h.key.nextLife(need), end)
			u.failed = append(u.failed, failure{span{need, back}, h.key.deadBecause(need)})
			need = back
			continue
		}
		// Requests fall on need, need+life, need+2*life ... and succeed while they lie before the key's death.
		tokenLife, changes := lives.at(need)
		stop := earlier(earlier(alive.to, end), changes)
		n := int64(stop.Sub(need)-1) / int64(tokenLife)
		u.last = need.Add(time.Duration(n) * tokenLife)
		u.count += n + 1
		need = u.last.Add(tokenLife)
	}
	return u
}

func (k *apiKey) lifeAt(t time.Time) (life, bool) {
	for _, l := range k.effective() {
		if l.holds(t) {
			return l, true
		}
	}
	return life{}, false
}

// nextLife is when the key works again after t; zero = never.
func (k *apiKey) nextLife(t time.Time) time.Time {
	for _, l := range k.effective() {
		if l.from.After(t) && l.from != l.to {
			return l.from
		}
	}
	return time.Time{}
}

// hold records that something in a cluster runs on a key from now on.
func (w *world) hold(c *cluster, subject string, k *apiKey, now time.Time) *holder {
	h := &holder{span: span{from: now}, cluster: c, subject: subject, key: k}
	c.holders = append(c.holders, h)
	if k != nil {
		k.holders = append(k.holders, h)
	}
	return h
}

// activity is a key's last successful authentication and how many there were, by logins and by what runs on it.
func (w *world) activity(k *apiKey, now time.Time) (last time.Time, count int64) {
	last, count = k.lastAuthn, k.authns
	for _, h := range k.holders {
		u := h.replay(w.tokenLives, now.Add(1))
		last, count = later(last, u.last), count+u.count
	}
	return last, count
}
