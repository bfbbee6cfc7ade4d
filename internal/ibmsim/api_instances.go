package ibmsim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Service instances. Clusters are instances of the Kubernetes Service that only its own API makes and deletes; what this
// one makes are instances of other services, which are kept and listed and do nothing.
var instanceRoutes = []route{
	{api: &controllerAPI, method: "GET", path: "/v2/resource_instances", handle: listInstances},
	{api: &controllerAPI, method: "POST", path: "/v2/resource_instances", handle: createInstance},
	{api: &controllerAPI, method: "GET", path: "/v2/resource_instances/{id}", handle: getInstance},
	{api: &controllerAPI, method: "PATCH", path: "/v2/resource_instances/{id}", handle: withInstance(updateInstance)},
	{api: &controllerAPI, method: "DELETE", path: "/v2/resource_instances/{id}", handle: withInstance(deleteInstance)},
}

// States of an instance.
const (
	instanceActive = "active"
	stateRemoved   = "removed"
)

// resource is what lists and search know of an instance, a cluster among them.
type resource struct {
	crn, guid, name, region, group, service, plan, state, by string
	created, updated                                         time.Time
}

// instance is a service instance that is no cluster.
type instance struct {
	resource
	parameters map[string]any
}

const clusterPlan = "containers.kubernetes.cluster"

func (w *world) clusterResource(c *cluster) resource {
	return resource{
		crn: c.crn, guid: c.id, name: c.spec.Name, region: c.scope.id.region, group: c.scope.id.group, service: "containers-kubernetes", plan: clusterPlan,
		state: instanceActive, by: firstOf(c.by, w.owner()), created: c.created, updated: c.created,
	}
}

// resources are all instances, clusters first.
func (w *world) resources() []resource {
	var list []resource
	for _, c := range w.clusters {
		if !c.gone() {
			list = append(list, w.clusterResource(c))
		}
	}
	for _, i := range w.instances {
		list = append(list, i.resource)
	}
	return list
}

func (r resource) target() target {
	return target{service: r.service, region: r.region, group: r.group, instance: r.guid}
}

// visibleResources are those the caller may see: the rest is silently missing, as with clusters (inferred).
func (k *call) visibleResources() []resource {
	return slices.DeleteFunc(k.w.resources(), func(r resource) bool { return !k.seesResource(r) })
}

func (k *call) seesResource(r resource) bool {
	return k.w.may(k.caller.iam, r.target(), k.now, "Administrator", "Editor", "Operator", "Viewer")
}

// listInstances pages with a start token inside next_url, and shows removed ones only when they are asked for.
func listInstances(k *call) reply {
	limit := 10
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 100)
	}
	list := slices.DeleteFunc(k.visibleResources(), func(r resource) bool { return !k.wantsInstance(r) })
	start := position(k.q("start"))
	resources := []any{}
	for i := start; i < min(start+limit, len(list)); i++ {
		resources = append(resources, k.w.instanceBody(list[i]))
	}
	var next any
	if start+limit < len(list) {
		q := maps.Clone(k.query())
		q.Set("start", strconv.Itoa(start+limit))
		next = strings.TrimPrefix(k.r.URL.Path, controllerAPI.prefixes[0]) + "?" + q.Encode()
	}
	return ok(map[string]any{"rows_count": len(resources), "next_url": next, "resources": resources})
}

func (k *call) wantsInstance(r resource) bool {
	for parameter, have := range map[string]string{
		"resource_group_id": r.group, "guid": r.guid, "resource_id": r.service, "resource_plan_id": r.plan, "name": r.name,
	} {
		if want := k.q(parameter); want != "" && want != have {
			return false
		}
	}
	return r.state == firstOf(k.q("state"), instanceActive)
}

func (w *world) instanceBody(r resource) map[string]any {
	return map[string]any{
		"id": r.crn, "crn": r.crn, "guid": r.guid, "name": r.name, "region_id": r.region, "account_id": w.accountID, "target_crn": "crn:v1:bluemix:public:globalcatalog::::deployment:" + r.plan + ":" + r.region,
		"resource_group_id": r.group, "resource_group_crn": w.resourceGroupCRN(r.group), "resource_id": r.service, "resource_plan_id": r.plan, "state": r.state,
		"type": "resource_instance", "created_at": policyTime(r.created), "updated_at": policyTime(r.updated), "created_by": r.by,
	}
}

func (k *call) noInstance() reply {
	return k.listRefusal(http.StatusNotFound, "not_found", "The resource instance could not be found.")
}

// getInstance finds an instance by its GUID or CRN; a removed one can still be read.
func getInstance(k *call) reply {
	for _, r := range k.visibleResources() {
		if k.path("id") == r.guid || k.path("id") == r.crn {
			return ok(k.w.instanceBody(r))
		}
	}
	return k.noInstance()
}

// withInstance leaves clusters to their own service (inferred).
func withInstance(handle func(*call, *instance) reply) func(*call) reply {
	return func(k *call) reply {
		for _, i := range k.w.instances {
			if k.path("id") != i.guid && k.path("id") != i.crn || i.state == stateRemoved || !k.seesResource(i.resource) {
				continue
			}
			if !k.w.may(k.caller.iam, i.target(), k.now, "Administrator", "Editor") {
				return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change this instance.")
			}
			return handle(k, i)
		}
		if rep := getInstance(k); rep.status != http.StatusOK {
			return rep
		}
		return k.listRefusal(http.StatusBadRequest, "invalid_request", "A cluster is changed and deleted with the Kubernetes Service, and a removed instance not at all.")
	}
}

// createInstance takes any plan but a cluster's: there is no catalog. The service is the plan's name up to its first dot,
// so that policies can mean it.
func createInstance(k *call) reply {
	var in struct {
		Name       string         `json:"name"`
		Target     string         `json:"target"`
		Group      string         `json:"resource_group"`
		Plan       string         `json:"resource_plan_id"`
		Parameters map[string]any `json:"parameters"`
	}
	if !k.decode(&in) || in.Name == "" || in.Target == "" || in.Group == "" || in.Plan == "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs name, target, resource_group and resource_plan_id.")
	}
	g := k.w.groupByID(in.Group)
	if g == nil || !k.w.seesGroup(k.caller.iam, g.id, k.now) {
		return k.listRefusal(http.StatusNotFound, "not_found", "The resource group could not be found.")
	}
	service, _, _ := strings.Cut(in.Plan, ".")
	if in.Plan == clusterPlan || service == "containers-kubernetes" {
		return k.listRefusal(http.StatusBadRequest, "invalid_request", "Clusters are made with the Kubernetes Service.")
	}
	i := &instance{resource{name: in.Name, region: in.Target, group: g.id, service: service, plan: in.Plan, state: instanceActive, by: k.caller.iam, created: k.now, updated: k.now}, in.Parameters}
	if !k.w.may(k.caller.iam, i.target(), k.now, "Administrator", "Editor") {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to create instances of this service.")
	}
	i.guid = uuidOf(k.w.ids.next("instance"))
	i.crn = "crn:v1:bluemix:public:" + service + ":" + in.Target + ":a/" + k.w.accountID + ":" + i.guid + "::"
	k.w.instances = append(k.w.instances, i)
	k.record("resource-controller.resource-instance.create", i.guid, "name", i.name, "service", service)
	return created(k.w.instanceBody(i.resource))
}

func updateInstance(k *call, i *instance) reply {
	var in struct {
		Name       *string         `json:"name"`
		Plan       *string         `json:"resource_plan_id"`
		Parameters *map[string]any `json:"parameters"`
	}
	if !k.decode(&in) || in.Name != nil && *in.Name == "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "A name is not empty.")
	}
	set(&i.name, in.Name)
	set(&i.plan, in.Plan)
	set(&i.parameters, in.Parameters)
	i.updated = k.now
	k.record("resource-controller.resource-instance.update", i.guid, "name", i.name)
	return ok(k.w.instanceBody(i.resource))
}

// deleteInstance removes at once; services that keep what was deleted for some days are not modelled.
func deleteInstance(k *call, i *instance) reply {
	i.state, i.updated = stateRemoved, k.now
	k.record("resource-controller.resource-instance.delete", i.guid, "name", i.name)
	return noContent()
}
