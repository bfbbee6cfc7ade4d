package ibmsim

import (
	"hash/fnv"
	"net/http"
	"strconv"
)

// The cluster key of a (region, resource group) pair: reset, and who owns it.
var clusterKeyRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v1/keys", handle: resetKey},
	{api: &containersAPI, method: "GET", path: "/v1/logging/{cluster}/clusterkeyowner", handle: keyOwner},
}

// pair reads the pair a request is about: X-Region, and X-Auth-Resource-Group or else the account's default group
// (trap 1). Refusals for nonsense are inferred.
func (k *call) pair() (scopeID, reply) {
	modern, known := modernRegion(k.r.Header.Get("X-Region"))
	if !known {
		return scopeID{}, k.ksRefusal(http.StatusBadRequest, "E0007", "General", "The header X-Region does not name a region.")
	}
	group, refused := k.targetGroup()
	if group == nil {
		return scopeID{}, refused
	}
	return scopeID{modern, group.id}, reply{}
}

// targetGroup is the resource group a request is about: X-Auth-Resource-Group, or else the default one (trap 1).
func (k *call) targetGroup() (*resourceGroup, reply) {
	id := k.r.Header.Get("X-Auth-Resource-Group")
	if id == "" {
		return k.w.defaultGroup(), reply{}
	}
	if group := k.w.groupByID(id); group != nil {
		return group, reply{}
	}
	return nil, k.ksRefusal(http.StatusNotFound, "E0013", "General", "The resource group could not be found.")
}

// resetKey makes a new key of the caller (trap 2) the pair's key. The previous one stays. It is not idempotent: each call
// makes another key (trap 3). Nothing about the new key is answered, and nobody checks that the owner's rights suffice.
func resetKey(k *call) reply {
	id, refused := k.pair()
	if refused.status != 0 {
		return refused
	}
	w := k.w
	if !w.may(k.caller.iam, target{service: "containers-kubernetes", region: id.region, group: id.group}, k.now, "Administrator") {
		return k.ksForbidden("Administrator of the Kubernetes Service in the region and resource group")
	}
	s := w.scope(id)
	before := idOf(s.current())
	key, refused := k.makePairKey(s)
	if key == nil {
		return refused
	}
	k.record("containers-kubernetes.account-api-key.reset", id.String(), "region", id.region, "resource_group", id.group, "key", key.id, "previous_key", before)
	return noContent()
}

// pairKey is the key a pair orders with. The first action in a pair that has none makes one, and its caller the owner.
func (k *call) pairKey(id scopeID) (*apiKey, reply) {
	s := k.w.scope(id)
	if key := s.current(); key != nil {
		return key, reply{}
	}
	key, refused := k.makePairKey(s)
	if key != nil {
		k.record("sim.account-api-key.created", id.String(), "region", id.region, "resource_group", id.group, "key", key.id)
	}
	return key, refused
}

// makePairKey makes a new key of the caller the pair's key, if IAM lets it.
func (k *call) makePairKey(s *scope) (*apiKey, reply) {
	w := k.w
	if k.caller.service && (!k.may("iam-identity", "Administrator", "Operator") || w.serviceByIAM[k.caller.iam].locked) {
		return nil, k.creationFailed() // a locked service ID, such as Secrets Manager makes, takes no key (trap 52, inferred)
	}
	if k.caller.profile {
		return nil, k.creationFailed() // a trusted profile's session makes no user key
	}
	if w.creationRestricted(k.caller.iam, k) || w.keyCount(k.caller.iam) >= w.knobs.KeyLimit {
		return nil, k.creationFailed()
	}
	key := w.newKey(k.caller.iam, k.caller.iam, clusterKeyName, describeKey(s.id), k.now)
	if u := w.byIAM[k.caller.iam]; u != nil && u.allowedIPs != "" {
		key.kill(k.now, causeAddress)
	}
	s.keys = append(s.keys, pairKey{key: key, set: k.now, act: key.replicated})
	return key, reply{}
}

// causeAddress: IAM refuses the service's use of a key whose owner has an IP allow list (trap 50).
const causeAddress = "owner's IP allow list"

// creationFailed is how every refusal of IAM to make the key shows: as an authentication problem (traps 6, 7).
func (k *call) creationFailed() reply {
	return k.ksRefusal(http.StatusBadRequest, "A03e9b", "Authentication", "Failed to create an API key with IAM. Check your permissions and try again.")
}

// keyOwner tells who owns the key of a cluster's pair, not which key it is (trap 53). What its id means is not
// published; here it is a number that stays the same for one owner.
func keyOwner(k *call) reply {
	c, refused := k.cluster(k.path("cluster"))
	if c == nil {
		return refused
	}
	key := c.scope.current()
	if key == nil {
		return k.ksRefusal(http.StatusNotFound, "E0051", "General", "There is no API key for this region and resource group.")
	}
	who := k.w.who(key.owner)
	sum := fnv.New32a()
	sum.Write([]byte(key.owner))
	return ok(map[string]any{"id": strconv.FormatUint(uint64(sum.Sum32()), 10), "name": who.name, "email": who.email})
}
