package ibmsim

// Regions, locations and quota.
var placeRoutes = []route{
	{api: &containersAPI, method: "GET", path: "/v1/regions", handle: listRegions},
	{api: &containersAPI, method: "GET", path: "/v1/locations", handle: listLocations},
	{api: &containersAPI, method: "GET", path: "/v2/getQuota", handle: getQuota},
	{api: &containersAPI, method: "GET", path: "/v1/user-config", handle: userConfig},
}

// listRegions names both spellings (trap 38).
func listRegions(*call) reply {
	list := []any{}
	for _, r := range regions {
		list = append(list, map[string]any{"name": firstOf(r.old, r.name), "alias": r.name, "cfURL": "", "freeEnabled": false, "satellite": false})
	}
	return ok(map[string]any{"regions": list})
}

func listLocations(*call) reply {
	list := []any{}
	for _, r := range regions {
		list = append(list, map[string]any{
			"id": r.metro, "name": r.metro, "kind": "metro", "display_name": r.display, "country": r.country, "metro": r.metro, "multizone_metro": r.metro,
			"geography": r.country, "supportsFree": false,
		})
	}
	return ok(list)
}

// getQuota is the documented 100 clusters per region and provider.
func getQuota(*call) reply {
	list := []any{}
	for _, provider := range []string{"classic", "vpc-gen2", "satellite"} {
		places := []any{}
		for _, r := range regions {
			places = append(places, map[string]any{"id": r.name, "quota": 100})
		}
		list = append(list, map[string]any{"infrastructure": provider, "type": "cluster", "regions": places})
	}
	return ok(list)
}

func userConfig(k *call) reply {
	return ok(map[string]any{"freeEnabled": false, "storedIaasCredentials": len(k.w.credentials) > 0})
}
