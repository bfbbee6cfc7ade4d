package ibmsim

import "time"

// State is the account as it is now, without any secret.
type State struct {
	Now      time.Time      `json:"now"`
	Account  string         `json:"account"`
	Users    []StateUser    `json:"users"`
	Keys     []StateKey     `json:"keys"`
	Scopes   []StateScope   `json:"scopes"`
	Clusters []StateCluster `json:"clusters"`
	Policies int            `json:"policies"`
}

// StateUser is a member or invitee.
type StateUser struct {
	IAMID string `json:"iamId"`
	Email string `json:"email"`
	State string `json:"state"`
}

// StateKey is an API key that has not been deleted.
type StateKey struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Owner       string `json:"owner"`
	Locked      bool   `json:"locked,omitempty"`
	Disabled    bool   `json:"disabled,omitempty"`
}

// StateScope is a pair with its key, which no API of IBM's tells.
type StateScope struct {
	Region string `json:"region"`
	Group  string `json:"group"`
	Key    string `json:"key"`
	Owner  string `json:"owner"`
}

// StateCluster is a cluster with the key its secret holds and the keys its master and pods run on.
type StateCluster struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	State     string            `json:"state"`
	SecretKey string            `json:"secretKey"`
	Holders   map[string]string `json:"holders"`
}

// State describes the account as it is now.
func (c *Cloud) State() State {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state(w.clock.Now())
}

func (w *world) state(now time.Time) State {
	s := State{Now: now, Account: w.accountID}
	for _, u := range w.users {
		if u.listed() {
			s.Users = append(s.Users, StateUser{u.iam, u.email, u.state})
		}
	}
	for _, k := range w.keys {
		if w.exists(k, now) {
			s.Keys = append(s.Keys, StateKey{k.id, k.name, k.description, w.who(k.owner).label(), k.locked, k.disabled})
		}
	}
	for _, sc := range w.scopeOrder {
		if k := sc.current(); k != nil {
			s.Scopes = append(s.Scopes, StateScope{sc.id.region, sc.id.group, k.id, w.who(k.owner).label()})
		}
	}
	for _, c := range w.clusters {
		if c.gone() {
			continue
		}
		one := StateCluster{ID: c.id, Name: c.spec.Name, State: c.spec.State, SecretKey: idOf(c.key), Holders: map[string]string{}}
		for _, h := range c.holders {
			if h.to.IsZero() {
				one.Holders[h.subject] = idOf(h.key)
			}
		}
		s.Clusters = append(s.Clusters, one)
	}
	for _, p := range w.policies {
		if p.deleted.IsZero() {
			s.Policies++
		}
	}
	return s
}

func idOf(k *apiKey) string {
	if k == nil {
		return ""
	}
	return k.id
}
