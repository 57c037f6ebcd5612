works "group create" "\"provisioningState\": \"Succeeded\"" group create -n shops -l local --tags team=quay
works "group list" "^shops$" group list --query "[].name" -o tsv
works "group show" "quay" group show -n shops --query tags.team -o tsv
works "group exists" "^true$" group exists -n shops
works "group exists: not" "^false$" group exists -n nowhere
refuses "group show: not" "ResourceGroupNotFound" group show -n nowhere
works "group create another" "Succeeded" group create -n spare -l local
works "group delete" "" group delete -n spare --yes
works "group is gone" "^false$" group exists -n spare
