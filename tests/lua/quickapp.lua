--%%name:Lamp
--%%type:com.fibaro.binarySwitch
class "Base"
function Base:__init(name) self.label = name end
function Base:say() return "I am " .. self.label end
class "Derived"(Base)
function Derived:__init(name) Base.__init(self, name .. "!") end

function QuickApp:onInit()
    print(self.name, self.id, self == quickApp)
    bp.sleep(0.01)
    self:helper(Derived("x"):say())
    print(pcall(self.nothing, self))
    setTimeout(function() print("later", self.name) end, 1)
end

function QuickApp:helper(text) self:debug(text, nil, 7) end

print("main chunk", quickApp)
local plain = print
function print(...)
    local text = ...
    if type(text) == "string" and text:match("^%[%d%d%.%d%d%.%d%d%d%d%]%[%d%d:%d%d:%d%d%]") then
        return plain((text:gsub("^%[.-%]%[.-%]", "[date][time]")))
    end
    plain(...)
end
