package ibmsim

import "time"

// scopeID is the pair that shares one cluster key: the modern region name and the resource group's ID.
type scopeID struct{ region, group string }

func (s scopeID) String() string { return s.region + "/" + s.group }

// scope is the history of one pair's key.
type scope struct {
	id   scopeID
	keys []pairKey
}

// pairKey is a key the Kubernetes Service took for a pair. The service goes on with the previous one until IAM's
// replicas know the new one (inferred), so act is later than the reset.
type pairKey struct {
	key *apiKey
	set time.Time // the reset: what clusterkeyowner answers from
	act time.Time // the new key is in use from here
}

// current is what the Kubernetes Service would name now; nil when the pair never had a key.
func (s *scope) current() *apiKey {
	if len(s.keys) == 0 {
		return nil
	}
	return s.keys[len(s.keys)-1].key
}

// at is the key in use at t.
func (s *scope) at(t time.Time) *apiKey {
	var k *apiKey
	for _, p := range s.keys {
		if !p.act.After(t) {
			k = p.key
		}
	}
	return k
}

func (w *world) scope(id scopeID) *scope {
	s := w.scopes[id]
	if s == nil {
		s = &scope{id: id}
		w.scopes[id] = s
		w.scopeOrder = append(w.scopeOrder, s)
	}
	return s
}

// describeKey is the description of a cluster key. IBM's sentence is not published; all that is known is that it holds
// the region's name and the resource group's ID (traps 10, 11).
func describeKey(id scopeID) string {
	return "IBM Cloud Kubernetes Service infrastructure key for region " + id.region + " and resource group " + id.group
}
