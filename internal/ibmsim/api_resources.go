package ibmsim

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// Resource groups, service instances and global search: three ways to see clusters, each with its own paging.
var (
	resourceGroupRoutes = []route{
		{api: &managerAPI, method: "GET", path: "/v2/resource_groups", handle: listResourceGroups},
		{api: &managerAPI, method: "GET", path: "/v2/resource_groups/{id}", handle: getResourceGroup},
	}
	instanceRoutes = []route{
		{api: &controllerAPI, method: "GET", path: "/v2/resource_instances", handle: listInstances},
	}
	searchRoutes = []route{
		{api: &searchAPI, method: "POST", path: "/v3/resources/search", handle: search},
	}
)

// listResourceGroups is not paginated and shows only what the caller may see.
func listResourceGroups(k *call) reply {
	list := []any{}
	for _, g := range k.w.resourceGroups {
		if !k.account(k.q("account_id")) || !k.w.seesGroup(k.caller.iam, g.id, k.now) {
			continue
		}
		if (k.q("name") != "" && g.name != k.q("name")) || (k.yes("default") && !g.isDefault) {
			continue
		}
		list = append(list, k.w.resourceGroupBody(g))
	}
	return ok(map[string]any{"resources": list})
}

func getResourceGroup(k *call) reply {
	g := k.w.groupByID(k.path("id"))
	if g == nil || !k.w.seesGroup(k.caller.iam, g.id, k.now) {
		return k.listRefusal(http.StatusNotFound, "not_found", "The resource group could not be found.")
	}
	return ok(k.w.resourceGroupBody(g))
}

func (w *world) resourceGroupCRN(id string) string {
	return "crn:v1:bluemix:public:resource-controller::a/" + w.accountID + "::resource-group:" + id
}

func (w *world) resourceGroupBody(g *resourceGroup) map[string]any {
	at := g.created.UTC().Format("2006-01-02T15:04:05.000Z")
	return map[string]any{
		"id": g.id, "crn": w.resourceGroupCRN(g.id), "account_id": w.accountID, "name": g.name, "state": "ACTIVE", "default": g.isDefault,
		"quota_id": w.ids.of("quota", "standard"), "resource_linkages": []any{}, "created_at": at, "updated_at": at,
	}
}

// listInstances pages with a start token inside next_url. Only clusters are modelled as instances.
func listInstances(k *call) reply {
	limit := 10
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 100)
	}
	var list []*cluster
	for _, c := range k.visibleClusters("") {
		if k.wantsInstance(c) {
			list = append(list, c)
		}
	}
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

func (k *call) wantsInstance(c *cluster) bool {
	if g := k.q("resource_group_id"); g != "" && g != c.scope.id.group {
		return false
	}
	if id := k.q("guid"); id != "" && id != c.id {
		return false
	}
	if r := k.q("resource_id"); r != "" && r != "containers-kubernetes" {
		return false
	}
	return k.q("name") == "" || k.q("name") == c.spec.Name
}

func (w *world) instanceBody(c *cluster) map[string]any {
	at := c.created.UTC().Format("2006-01-02T15:04:05.000Z")
	return map[string]any{
		"id": c.crn, "crn": c.crn, "guid": c.id, "name": c.spec.Name, "region_id": c.scope.id.region, "account_id": w.accountID,
		"resource_group_id": c.scope.id.group, "resource_group_crn": w.resourceGroupCRN(c.scope.id.group), "resource_id": "containers-kubernetes",
		"resource_plan_id": "containers.kubernetes.cluster", "state": "active", "type": "resource_instance", "created_at": at, "updated_at": at, "created_by": w.owner(),
	}
}

// search knows queries of the form field:value joined by AND. With a cursor the rest of the body is ignored.
func search(k *call) reply {
	var in struct {
		Query        string   `json:"query"`
		Fields       []string `json:"fields"`
		SearchCursor string   `json:"search_cursor"`
	}
	if !k.decode(&in) {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body could not be read.")
	}
	limit := 10
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 1000)
	}
	start := 0
	if in.SearchCursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(in.SearchCursor)
		offset, query, found := strings.Cut(string(text), "|")
		if err != nil || !found {
			return k.listRefusal(http.StatusBadRequest, "invalid_body", "The cursor is not valid.")
		}
		in.Query = query
		start = position(offset)
	}
	var hits []*cluster
	for _, c := range k.visibleClusters("") {
		if k.account(k.q("account_id")) && k.w.hit(c, in.Query) {
			hits = append(hits, c)
		}
	}
	items := []any{}
	for i := start; i < min(start+limit, len(hits)); i++ {
		items = append(items, k.w.searchItem(hits[i]))
	}
	body := map[string]any{"limit": limit, "items": items}
	if len(items) == limit {
		body["search_cursor"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(start+limit) + "|" + in.Query))
	}
	return ok(body)
}

func (w *world) searchItem(c *cluster) map[string]any {
	return map[string]any{
		"crn": c.crn, "name": c.spec.Name, "region": c.scope.id.region, "family": "containers", "type": "k8-cluster", "service_name": "containers-kubernetes",
		"resource_group_id": c.scope.id.group, "account_id": w.accountID,
	}
}

func (w *world) hit(c *cluster, query string) bool {
	item := w.searchItem(c)
	for term := range strings.SplitSeq(query, " AND ") {
		field, value, _ := strings.Cut(strings.Trim(term, "() "), ":")
		if field == "" || field == "*" {
			continue
		}
		have, _ := item[field].(string)
		if have != strings.Trim(value, `"`) {
			return false
		}
	}
	return true
}
