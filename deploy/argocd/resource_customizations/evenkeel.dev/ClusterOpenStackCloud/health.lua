local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.status == "True" or condition.type == "Ready" then
    conditions[condition.type] = condition
  end
end
if obj.metadata.deletionTimestamp ~= nil then
  local cause = conditions.Reconciling or {}
  return {status = "Progressing", message = cause.message or "waiting for the deletion"}
end
if status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "waiting for the controller to see the change"}
end
if conditions.Stalled then
  return {status = "Degraded", message = conditions.Stalled.message}
end
if conditions.Reconciling then
  return {status = "Progressing", message = conditions.Reconciling.message}
end
return {status = "Healthy", message = "the credentials work"}
